import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isWhittleError } from "@whittle/core";
import { TokenizerError } from "./errors.js";
import { createTokenizer } from "./create-tokenizer.js";
import { loadTokenizer } from "./load-tokenizer.js";

const fixture = (name: string, file: string): any =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../fixtures/tokenizers/${name}/${file}`, import.meta.url)), "utf8"));
const byteLevel = fixture("byte-level", "tokenizer.json");
const byteFallback = fixture("byte-fallback", "tokenizer.json");

describe("a folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "whittle-tokenizer-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("without a tokenizer.json is an error that names it", async () => {
    await expect(loadTokenizer(folder)).rejects.toThrow(TokenizerError);
    await expect(loadTokenizer(folder)).rejects.toThrow(`${join(folder, "tokenizer.json")}: no such file`);
  });

  it("with one that is no JSON, or cut short, is an error that says so", async () => {
    for (const text of ["", "{", "not JSON", JSON.stringify(byteLevel).slice(0, 3000), "[".repeat(100_000)]) {
      await writeFile(join(folder, "tokenizer.json"), text);
      await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json: is not JSON/);
    }
  });

  it("needs no tokenizer_config.json, but a broken one is an error", async () => {
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(byteLevel));
    expect((await loadTokenizer(folder)).vocabSize).toBe(422);
    await writeFile(join(folder, "tokenizer_config.json"), `{"bos_token": 7}`);
    await expect(loadTokenizer(folder)).rejects.toThrow(`tokenizer_config.json: "bos_token" is 7; expected a string`);
  });

  it("may keep its chat template in a file of its own, which comes first", async () => {
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(byteLevel));
    await writeFile(
      join(folder, "tokenizer_config.json"),
      JSON.stringify({
        chat_template: [
          { name: "default", template: "old" },
          { name: "rag", template: "rag" },
        ],
      }),
    );
    expect((await loadTokenizer(folder)).renderChat([])).toBe("old");
    await writeFile(join(folder, "chat_template.jinja"), "new");
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.renderChat([])).toBe("new");
    expect(tokenizer.renderChat([], { template: "rag" })).toBe("rag");
  });
});

describe("a broken or unsupported tokenizer.json", () => {
  const change = (path: string, value: unknown): any => {
    const copy = structuredClone(byteLevel);
    const steps = path.split(".");
    const last = steps.pop()!;
    steps.reduce((at, step) => at[step], copy)[last] = value;
    return copy;
  };

  it.each([
    ["model", undefined, `model must be an object, but is undefined`],
    ["model.type", "Unigram", `"model.type" is "Unigram"; expected "BPE"`],
    ["model.vocab", [], `"model.vocab" is []; expected an object of token to id`],
    ["model.vocab", {}, `"model.vocab" is {}; expected at least one token`],
    ["model.vocab.a", -1, `gives "a" the id -1; expected an integer from 0 to`],
    ["model.vocab.a", 4e9, `gives "a" the id 4000000000`],
    ["model.merges", "a b", `"model.merges" is "a b"; expected a list of pairs`],
    ["model.merges.0", ["a"], `merge 0 is ["a"]; expected a pair of tokens`],
    ["model.merges.0", ["zzz", "a"], `merge 0 joins "zzz" and "a", but "zzz" is not in the vocabulary`],
    ["model.unk_token", "<none>", `"model.unk_token" is "<none>"; expected a token of the vocabulary`],
    ["model.end_of_word_suffix", "</w>", `expected none (subword marks are not supported)`],
    ["added_tokens", {}, `"added_tokens" is {}; expected a list of objects`],
    ["added_tokens.1.id", "1", `"added_tokens[1].id" is "1"; expected an integer`],
    ["added_tokens.1.content", "", `"added_tokens[1].content" is ""; expected a token of at least one character`],
    ["normalizer", { type: "Precompiled" }, `"normalizer.type" is "Precompiled"; expected "Sequence" or "Replace"`],
    [
      "normalizer",
      { type: "Sequence", normalizers: [{ type: "Replace", pattern: {} }] },
      `"normalizer.normalizers[0].pattern.Regex" is missing`,
    ],
    [
      "normalizer",
      { type: "Replace", pattern: { Regex: "(" }, content: "" },
      `tokenizer.json: Invalid regular expression`,
    ],
    [
      "pre_tokenizer",
      { type: "Split", pattern: { String: "a" }, behavior: "MergedWithNext" },
      `"pre_tokenizer.behavior" is "MergedWithNext"; expected "Isolated" or "Removed"`,
    ],
    ["post_processor.single", [], `"post_processor.single" is []; expected a template that holds the text`],
    [
      "post_processor",
      { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<x>" } }] },
      `the post-processor adds "<x>", which is not in the vocabulary`,
    ],
    ["decoder", null, `decoder must be an object, but is undefined`],
    [
      "decoder",
      { type: "WordPiece" },
      `"decoder.type" is "WordPiece"; expected "ByteLevel" or "Metaspace" or "Sequence"`,
    ],
    [
      "decoder",
      { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "ByteFallback" }] },
      `the decoder has "ByteFallback" after "Fuse"`,
    ],
    [
      "decoder",
      { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "Strip", content: " ", start: 0, stop: 1 }] },
      `expected 0 (text streams`,
    ],
  ])("%s = %j", (path, value, message) => {
    const load = (): unknown => createTokenizer({ model: "m", tokenizer: change(path, value) });
    expect(load).toThrow(TokenizerError);
    expect(load).toThrow(message);
  });

  it("that is nested too deeply", () => {
    let normalizer: unknown = { type: "NFC" };
    for (let depth = 0; depth < 20_000; depth++) normalizer = { type: "Sequence", normalizers: [normalizer] };
    expect(() => createTokenizer({ model: "m", tokenizer: { ...byteLevel, normalizer } })).toThrow(
      "is nested too deeply",
    );
  });

  it("gives a working tokenizer or a clear error, whatever is changed in it (fuzz)", () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(null, -1, 2 ** 40, "", "Sequence", "▁", [], {}),
      fc.constant(undefined),
    );
    const steps = fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 });
    const base = fc.constantFrom(
      { tokenizer: byteLevel, config: fixture("byte-level", "tokenizer_config.json") },
      { tokenizer: byteFallback, config: fixture("byte-fallback", "tokenizer_config.json") },
    );
    fc.assert(
      fc.property(base, fc.array(fc.tuple(steps, value), { minLength: 1, maxLength: 3 }), (files, changes) => {
        const copy = structuredClone(files);
        for (const [path, replacement] of changes) replace(copy, path, replacement);
        try {
          const tokenizer = createTokenizer({ model: "m", ...copy });
          const ids = tokenizer.encode("Once upon a time, 🙂 </s><|end|>");
          expect(typeof tokenizer.decode(ids)).toBe("string");
          if (tokenizer.chatTemplate) tokenizer.encodeChat([{ role: "user", content: "hi" }]);
        } catch (error) {
          if (!isWhittleError(error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  /** Walks by index into whatever is there and replaces where the path ends. */
  function replace(root: any, path: readonly number[], value: unknown): void {
    let at = root;
    for (const [depth, step] of path.entries()) {
      const keys = Object.keys(at);
      const key = keys[step % keys.length];
      if (key === undefined) return;
      if (depth === path.length - 1 || typeof at[key] !== "object" || at[key] === null) {
        at[key] = value;
        return;
      }
      at = at[key];
    }
  }
});
