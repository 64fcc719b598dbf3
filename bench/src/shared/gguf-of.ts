import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BlockDType } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { convertToGguf, type GgufField } from "@whittle/models";

const NORMAL_TOKEN = 1;

/**
 * The same weights and the same tokens as a folder of `randomCheckpoint`, as a GGUF file within it, made at the first call. With `blocks`, all matrices, the embedding too,
 * are quantised to them.
 */
export async function ggufOf(folder: string, blocks?: BlockDType): Promise<string> {
  const file = join(folder, blocks ? `model-${blocks}.gguf` : "model.gguf");
  if (existsSync(file)) return file;
  const device = await cpu();
  try {
    await convertToGguf(folder, file, {
      device,
      ...(blocks && { typeOf: () => blocks }),
      metadata: await vocabularyOf(folder),
    });
  } finally {
    await device.close();
  }
  return file;
}

/** Byte-level, without merges, as `byteTokenizer` has it. The last made-up word is the end of a text, which llama.cpp insists on. */
async function vocabularyOf(folder: string): Promise<Record<string, GgufField>> {
  const { model } = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8")) as {
    model: { vocab: Record<string, number> };
  };
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  return {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": new Int32Array(tokens.length).fill(NORMAL_TOKEN),
    "tokenizer.ggml.merges": [],
    "tokenizer.ggml.bos_token_id": tokens.length - 1,
    "tokenizer.ggml.eos_token_id": tokens.length - 1,
    "tokenizer.ggml.add_bos_token": false,
  };
}
