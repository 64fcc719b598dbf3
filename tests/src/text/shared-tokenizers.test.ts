import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createTokenizer, loadTokenizer } from "@whittle/models";
import { describe, expect, it } from "vitest";

// Real tokenizers and models that lie beside this repository; without them this file is skipped, and the fixtures of packages/models remain.
const shared = fileURLToPath(new URL("../../../../shared/", import.meta.url));
const text = (path: string): string => readFileSync(`${shared}${path}`, "utf8");
const models = ["books-5m", "stories260k", "babyllama-1m"];

describe.skipIf(!existsSync(`${shared}models`)).each(models)("%s (../shared/models)", (name) => {
  interface Greedy {
    prompt: string;
    promptIds: number[];
    greedyIds: number[];
    text: string;
  }
  const folder = `${shared}models/${name}`;
  const greedy = (): Greedy[] => JSON.parse(text(`models/${name}/reference.json`)).greedy;

  it("encodes the reference prompts", async () => {
    const tokenizer = await loadTokenizer(folder);
    for (const { prompt, promptIds } of greedy()) expect([...tokenizer.encode(prompt)]).toEqual(promptIds);
  });

  it("decodes the reference continuations, at once and as they stream", async () => {
    const tokenizer = await loadTokenizer(folder);
    for (const { prompt, promptIds, greedyIds, text: expected } of greedy()) {
      expect(tokenizer.decode([...promptIds, ...greedyIds])).toBe(expected);
      const detokenizer = tokenizer.detokenizer({ after: promptIds });
      const streamed = greedyIds.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
      expect(prompt + streamed).toBe(expected);
    }
  });
});

describe.skipIf(!existsSync(`${shared}data/tokenizers`))("real vocabularies (../shared/data/tokenizers)", () => {
  /** Texts with the ids that the original tokenizer gives, as llama.cpp collected them. */
  function cases(name: string): [string, number[]][] {
    const texts = text(`data/tokenizers/llama.cpp/ggml-vocab-${name}.gguf.inp`).split("\n__ggml_vocab_test__\n");
    const ids = text(`data/tokenizers/llama.cpp/ggml-vocab-${name}.gguf.out`).split("\n");
    return texts.map((one, i) => [one, ids[i]!.split(" ").filter(Boolean).map(Number)]);
  }

  it("GPT-NeoX (with its added tokens of spaces) agrees on all of MPT's cases", () => {
    const tokenizer = createTokenizer({
      model: "gpt-neox",
      tokenizer: JSON.parse(text("data/tokenizers/gpt-neox-20B_tokenizer.json")),
    });
    for (const [one, ids] of cases("mpt")) {
      expect([...tokenizer.encode(one)], JSON.stringify(one)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(one);
    }
  });

  it("GPT-2, put together from its two old files, agrees on all of its cases", () => {
    const merges = text("data/tokenizers/gpt2/vocab.bpe").split("\n").slice(1).filter(Boolean);
    const byteLevel = { type: "ByteLevel", add_prefix_space: false };
    const tokenizer = createTokenizer({
      model: "gpt2",
      tokenizer: {
        model: { type: "BPE", vocab: JSON.parse(text("data/tokenizers/gpt2/encoder.json")), merges },
        pre_tokenizer: byteLevel,
        decoder: byteLevel,
      },
      config: { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" },
    });
    expect(tokenizer).toMatchObject({ vocabSize: 50257, bosId: 50256, eosIds: [50256] });
    for (const [one, ids] of cases("gpt-2")) {
      expect([...tokenizer.encode(one)], JSON.stringify(one)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(one);
    }
  });
});
