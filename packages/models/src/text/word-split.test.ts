import { describe, expect, it } from "vitest";
import { wordSplitter } from "./word-split.js";

describe("wordSplitter", () => {
  it("cuts before each run of ▁ where merges stay within words", () => {
    const split = wordSplitter(["▁▁", "▁a", "▁▁▁a", "bc"]);
    expect(split("▁once▁upon▁▁a▁")).toEqual(["▁once", "▁upon", "▁▁a", "▁"]);
    expect(split("no mark")).toEqual(["no mark"]);
    expect(split("")).toEqual([]);
  });

  it("leaves text whole where a merge joins words, or knows no ▁", () => {
    expect(wordSplitter(["▁a", "▁a▁b"])("▁a▁b")).toEqual(["▁a▁b"]);
    expect(wordSplitter(["▁a", "a▁"])("▁a▁b")).toEqual(["▁a▁b"]);
    expect(wordSplitter(["ab"])("▁a▁b")).toEqual(["▁a▁b"]);
  });
});
