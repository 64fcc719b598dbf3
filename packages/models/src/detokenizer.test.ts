import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Detokenizer } from "./detokenizer.js";
import { loadTokenizer } from "./load-tokenizer.js";
import { type Tokenizer } from "./tokenizer.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tokenizers/${name}`, import.meta.url));

describe.each(["byte-level", "byte-fallback"])("%s", (name) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(fixture(name));
  });

  function pieces(ids: Iterable<number>, after: ArrayLike<number> = [], skipSpecialTokens = true): string[] {
    const detokenizer = tokenizer.detokenizer({ after, skipSpecialTokens });
    return [...Array.from(ids, (id) => detokenizer.push(id)), detokenizer.flush()];
  }

  const anyIds = fc.array(fc.oneof(fc.nat(600), fc.nat(300)), { maxLength: 40 });

  it("joins to what decode gives, for any ids", () => {
    fc.assert(
      fc.property(anyIds, fc.boolean(), (ids, skipSpecialTokens) => {
        expect(pieces(ids, [], skipSpecialTokens).join("")).toBe(tokenizer.decode(ids, { skipSpecialTokens }));
      }),
      { numRuns: 1000 },
    );
  });

  it("goes on from a prompt as if it had been decoded with it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 20 }),
        fc.string({ unit: "grapheme", maxLength: 20 }),
        (prompt, text) => {
          const before = tokenizer.encode(prompt);
          const ids = tokenizer.encode(text, { addSpecialTokens: false });
          const whole = tokenizer.decode([...before, ...ids]);
          expect(tokenizer.decode(before) + pieces(ids, before).join("")).toBe(whole);
        },
      ),
    );
  });

  it("never ends a piece within a character, and holds it until it is whole", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (text) => {
        const parts = pieces(tokenizer.encode(text));
        expect(parts.join("")).toBe(tokenizer.decode(tokenizer.encode(text)));
        for (const part of parts) expect(part).not.toMatch(/\p{Surrogate}/u);
        if (!text.includes("\uFFFD")) expect(parts.join("")).not.toContain("\uFFFD");
      }),
    );
  });

  it("shows an emoji when its last byte has come", () => {
    const parts = pieces(tokenizer.encode("🦉", { addSpecialTokens: false }));
    expect(parts.filter((part) => part.trim() !== "")).toEqual(["🦉"]);
    expect(parts.at(-1)).toBe("");
  });

  it("shows a character that never became whole as U+FFFD, at the end", () => {
    const ids = tokenizer.encode("🦉", { addSpecialTokens: false }).slice(0, -1);
    expect(pieces(ids).at(-1)).toBe("\uFFFD");
  });

  it("finishes a character that the prompt began", () => {
    const ids = tokenizer.encode("a🦉", { addSpecialTokens: false });
    expect(pieces(ids.slice(-1), ids.slice(0, -1)).join("")).toBe("🦉");
  });

  it("keeps a byte order mark, which is text like any other", () => {
    expect(pieces(tokenizer.encode("\uFEFFa")).join("")).toBe("\uFEFFa");
    expect(tokenizer.decode(tokenizer.encode("\uFEFFa"))).toBe("\uFEFFa");
  });

  it("shows nothing for ids that are no token", () => {
    expect(pieces([1e9, -1, 5000]).join("")).toBe("");
  });
});

it("keeps the space between prompt and continuation, and drops it at the beginning of a text", async () => {
  const tokenizer = await loadTokenizer(fixture("byte-fallback"));
  const ids = tokenizer.encode("time", { addSpecialTokens: false });
  const prompt = tokenizer.encode("Once upon a");
  expect(tokenizer.detokenizer().push(ids[0]!)).not.toMatch(/^ /);
  expect(tokenizer.detokenizer({ after: prompt }).push(ids[0]!)).toMatch(/^ /);
  expect(tokenizer.detokenizer({ after: [tokenizer.bosId!] }).push(ids[0]!)).not.toMatch(/^ /);
});

it("drops leading characters only of a text that begins", () => {
  const spaces = { bytes: () => new TextEncoder().encode(" "), strip: { character: " ", count: 8 } };
  const push = (after: number): string => new Detokenizer(spaces, new Int32Array(after)).push(0);
  expect(push(0)).toBe("");
  expect(push(2)).toBe("");
  expect(push(10)).toBe(" ");
});

it("shows the control tokens that it is asked for, and no others", async () => {
  const tokenizer = await loadTokenizer(fixture("byte-level"));
  const ids = tokenizer.encode("<|user|>Hi<|end|>", { addSpecialTokens: false, parseControl: true });
  const shown = (show: string[]): string => {
    const detokenizer = tokenizer.detokenizer({ show });
    return Array.from(ids, (id) => detokenizer.push(id)).join("") + detokenizer.flush();
  };
  expect(shown(["<|user|>", "[TOOL_CALLS]"])).toBe("<|user|>Hi");
  expect(shown(["<|end|>"])).toBe("Hi<|end|>");
  expect(shown(["Hi"])).toBe("Hi");
});
