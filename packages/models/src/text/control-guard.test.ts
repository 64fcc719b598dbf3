import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ControlGuard } from "./control-guard.js";

const tokens = ["<|end|>", "<|user|>", "</s>", "[INST]"];
const guard = new ControlGuard(tokens);
const pieces = fc.constantFrom(
  ...tokens,
  "<|",
  "|>",
  "end",
  "user",
  "<",
  ">",
  "/s>",
  "[IN",
  "ST]",
  " ",
  "word",
  "\uFDD0",
  "🙂",
);
const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));

describe("ControlGuard", () => {
  it("leaves ordinary text as it is", () => {
    for (const text of ["", "Hello <b>world</b>", "a < b | c > d", "[1, 2]"]) expect(guard.protect(text)).toBe(text);
    expect(guard.protectEmbedded("Hello, world: 1 < 2.")).toBe("Hello, world: 1 < 2.");
  });

  it("breaks every control token, and nothing but marks is added", () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (const guarded of [guard.protect(text), guard.protectEmbedded(text)]) {
          for (const token of tokens) expect(guarded).not.toContain(token);
          expect(ControlGuard.reveal(guarded)).toBe(text.replaceAll("\uFDD0", "\uFFFD"));
        }
      }),
    );
  });

  it("keeps embedded text from making a control token with what stands beside it, trimmed or not", () => {
    const beside = fc.constantFrom(
      "",
      ...tokens.flatMap((token) => Array.from(token, (_, cut) => token.slice(0, cut))),
    );
    const after = fc.constantFrom("", ...tokens.flatMap((token) => Array.from(token, (_, cut) => token.slice(cut))));
    fc.assert(
      fc.property(beside, texts, after, fc.boolean(), (before, text, behind, trimmed) => {
        fc.pre(text.trim() !== "" && !tokens.some((token) => (before + behind).includes(token)));
        const guarded = guard.protectEmbedded(text);
        const rendered = before + (trimmed ? guarded.trim() : guarded) + behind;
        const made = tokens.filter((token) => rendered.includes(token));
        // A whole token that the template wrote by itself is its own affair.
        expect(made.filter((token) => !before.includes(token) && !behind.includes(token))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(["end|> ", " end|>", " <|end", "<|end ", "end", " end "])(
    "guards %j once a template has trimmed it",
    (text) => {
      for (const [before, behind] of [
        ["<|", "|>"],
        ["<|", ""],
        ["", "|>"],
      ]) {
        const rendered = `${before}${guard.protectEmbedded(text).trim()}${behind}`;
        for (const token of tokens) expect(rendered).not.toContain(token);
      }
    },
  );

  it("guards the strings and keys of a value", () => {
    const value = { content: [{ type: "text", text: "</s>" }], "<|end|>": 1, none: null };
    const text = JSON.stringify(guard.protectValue(value));
    for (const token of tokens) expect(text).not.toContain(token);
    expect(JSON.parse(ControlGuard.reveal(text))).toEqual(value);
  });

  it("does nothing where there are no control tokens", () => {
    expect(new ControlGuard([]).protectEmbedded("</s>")).toBe("</s>");
  });
});
