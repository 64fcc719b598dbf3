import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFolderTokenizer } from "../create-tokenizer.js";
import { loadTokenizer } from "../load-tokenizer.js";
import { byteLevelPreTokenizers } from "./byte-level-pre-tokenizers.js";
import { mergesByScore } from "./merges-by-score.js";
import { type GgufField, writeGguf } from "./write-gguf.js";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-gguf-tokenizer-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(metadata: Record<string, GgufField>) {
  const file = join(folder, "x.gguf");
  await writeGguf(file, [], { metadata });
  return loadTokenizer(file);
}

const tiny = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": ["a", "b", "ab", "<|end|>", "Ġ", "1", "2", "12"],
  "tokenizer.ggml.token_type": Int32Array.of(1, 1, 1, 3, 1, 1, 1, 1),
  "tokenizer.ggml.merges": ["a b", "1 2"],
  "tokenizer.ggml.eos_token_id": 3,
} satisfies Record<string, GgufField>;

describe("a SentencePiece vocabulary", () => {
  const golden = JSON.parse(readFileSync(fixture("gguf/spm.json"), "utf8")) as {
    text: string;
    ids: number[];
    decoded: string;
  }[];

  it("gives the ids of SentencePiece, and its text", async () => {
    const tokenizer = await loadTokenizer(fixture("gguf/spm.gguf"));
    expect(golden.length).toBeGreaterThan(15);
    for (const { text, ids, decoded } of golden) {
      expect([...tokenizer.encode(text, { addSpecialTokens: false })]).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
    }
    expect([...tokenizer.encode("x")][0]).toBe(tokenizer.bosId);
    expect(tokenizer.eosIds).toEqual([2]);
    // Control tokens are not read out of text.
    expect([...tokenizer.encode("</s>")]).not.toContain(2);
  });

  it("knows every way to join a token, best first", () => {
    const tokens = ["a", "b", "c", "ab", "bc", "abc", "<s>"];
    expect(mergesByScore(tokens, Float32Array.of(0, 0, 0, -2, -1, -3, 0), (id) => id < 6)).toEqual([
      ["b", "c"],
      ["a", "b"],
      ["ab", "c"],
      ["a", "bc"],
    ]);
  });
});

describe("a byte-level vocabulary", () => {
  it("is that of the tokenizer.json that it was made of", async () => {
    const json = JSON.parse(await readFile(fixture("tokenizers/byte-level/tokenizer.json"), "utf8"));
    const tokens: string[] = [];
    for (const [token, id] of Object.entries<number>(json.model.vocab)) tokens[id] = token;
    for (const { id, content } of json.added_tokens) tokens[id] = content;
    const kinds = new Int32Array(tokens.length).fill(1);
    for (const { id, special } of json.added_tokens) kinds[id] = special ? 3 : 4;
    const config = JSON.parse(await readFile(fixture("tokenizers/byte-level/tokenizer_config.json"), "utf8"));
    const own = await load({
      ...tiny,
      "tokenizer.ggml.tokens": tokens,
      "tokenizer.ggml.token_type": kinds,
      "tokenizer.ggml.merges": json.model.merges.map((pair: string[] | string) => [pair].flat().join(" ")),
      "tokenizer.ggml.bos_token_id": 0,
      "tokenizer.ggml.eos_token_id": 1,
      "tokenizer.ggml.add_bos_token": true,
      "tokenizer.chat_template": config.chat_template,
    });
    const original = await loadFolderTokenizer(fixture("tokenizers/byte-level"));
    const golden = JSON.parse(await readFile(fixture("tokenizers/byte-level/golden.json"), "utf8"));
    for (const { text } of Object.values<{ text: string }[]>(golden).flat())
      expect(own.encode(text)).toEqual(original.encode(text));
    const chat = [{ role: "user", content: "Hello, <|end|> there" }];
    expect(own.encodeChat(chat)).toEqual(original.encodeChat(chat));
    expect(own.specialTokens).toEqual(original.specialTokens);
  });

  it.each(Object.keys(byteLevelPreTokenizers))("cuts text as %s says", async (pre) => {
    const tokenizer = await load({ ...tiny, "tokenizer.ggml.pre": pre });
    const digitsApart = ["smollm", "starcoder", "refact", "qwen2", "deepseek-r1-qwen"].includes(pre);
    expect([...tokenizer.encode("ab 12")]).toEqual(digitsApart ? [2, 4, 5, 6] : [2, 4, 7]);
    expect(tokenizer.decode([2, 4, 7])).toBe("ab 12");
  });

  it("may have several chat templates", async () => {
    const { chatTemplate } = await load({
      ...tiny,
      "tokenizer.chat_templates": ["tool_use"],
      "tokenizer.chat_template": "one",
      "tokenizer.chat_template.tool_use": "two",
    });
    expect(chatTemplate!.names).toEqual(["default", "tool_use"]);
    expect(chatTemplate!.source("tool_use")).toBe("two");
  });
});

describe("a tokenizer that cannot be built", () => {
  it.each<[string, Record<string, GgufField>, RegExp]>([
    ["none", {}, /has no tokenizer \("tokenizer.ggml.model" is missing\)/],
    ["another kind", { "tokenizer.ggml.model": "bert" }, /of the kind "bert", which is not supported/],
    ["another cut", { ...tiny, "tokenizer.ggml.pre": "tekken" }, /cuts text as "tekken" does.*gpt-2, llama-bpe/],
  ])("(%s) says so, and what would be used instead", async (_name, metadata, message) => {
    await expect(load(metadata)).rejects.toThrow(message);
    await expect(load(metadata)).rejects.toMatchObject({
      code: "tokenizer",
      message: expect.stringContaining("a tokenizer.json beside the file would be used instead, but there is none"),
    });
    await cp(fixture("tokenizers/byte-level/tokenizer.json"), join(folder, "tokenizer.json"));
    const tokenizer = await load(metadata);
    expect(tokenizer.encode("Once")).toEqual((await loadFolderTokenizer(folder)).encode("Once"));
    await rm(join(folder, "tokenizer.json"));
  });

  it.each<[string, Record<string, GgufField>, RegExp]>([
    ["no tokens", { "tokenizer.ggml.tokens": [] }, /"tokenizer.ggml.tokens" is \[\]; expected a list of 1 to/],
    ["tokens of another type", { "tokenizer.ggml.tokens": Int32Array.of(1) }, /expected a list of 1 to \d+ strings/],
    ["kinds of another length", { "tokenizer.ggml.token_type": Int32Array.of(1) }, /token_type.*expected a list of 8/],
    ["a merge of one", { "tokenizer.ggml.merges": ["ab"] }, /merge 0 is "ab"; expected two tokens/],
    ["a merge of strangers", { "tokenizer.ggml.merges": ["a z"] }, /"z" is not in the vocabulary/],
    ["no scores", { "tokenizer.ggml.model": "llama" }, /"tokenizer.ggml.scores" is missing; expected a list/],
    ["a broken template", { "tokenizer.chat_template": "{% if" }, /chat template "default" cannot be parsed/],
  ])("(%s) is a clear error", async (_name, change, message) => {
    await expect(load({ ...tiny, ...change })).rejects.toThrow(message);
  });
});
