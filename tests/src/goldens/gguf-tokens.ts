import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type GgufField } from "@whittle/models";

/** What a GGUF file would have of a folder's byte-level tokenizer: one that cuts text as GPT-2's does. */
export async function byteLevelMetadata(folder: string): Promise<Record<string, GgufField>> {
  const json = async (name: string) => JSON.parse(await readFile(join(folder, name), "utf8"));
  const [{ model, added_tokens: added }, config] = await Promise.all([
    json("tokenizer.json"),
    json("tokenizer_config.json"),
  ]);
  const tokens: string[] = [];
  for (const [token, id] of Object.entries<number>(model.vocab)) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const kinds = new Int32Array(tokens.length).fill(1);
  for (const { id, special } of added) kinds[id] = special ? 3 : 4;
  return {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": kinds,
    "tokenizer.ggml.merges": model.merges.map((merge: string | string[]) => [merge].flat().join(" ")),
    "tokenizer.ggml.bos_token_id": tokens.indexOf(config.bos_token),
    "tokenizer.ggml.eos_token_id": tokens.indexOf(config.eos_token),
    "tokenizer.ggml.add_bos_token": config.add_bos_token ?? false,
    ...(config.chat_template && { "tokenizer.chat_template": config.chat_template }),
  };
}
