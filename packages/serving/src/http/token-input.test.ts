import { describe, expect, it } from "vitest";
import { tokenIds, tokenInput } from "./token-input.js";

const faults = (schema: typeof tokenInput | typeof tokenIds, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) => [path, message]);

describe("texts and token ids", () => {
  it.each([["text"], [["a", "b"]], [[1, 2]], [[[1], [2, 3], []]], [[]]])("%j is taken", (value) => {
    expect(tokenInput.parse(value)).toEqual(value);
  });

  it.each<[unknown, number[], string]>([
    [5, [], "must be a string, an array of token ids, or an array of these"],
    [undefined, [], "must be a string, an array of token ids, or an array of these"],
    [[1, 2.5], [1], "must be an integer"],
    [[null], [0], "must be an integer"],
    [["a", 1], [1], "must be a string"],
    [[[1], 2], [1], "must be an array of token ids"],
    [[[1], [2, "a"]], [1, 1], "must be an integer"],
  ])("%j is not", (value, path, message) => {
    expect(faults(tokenInput, value)).toEqual([[path, message]]);
  });

  it("are found wrong once, however many are", () => {
    expect(faults(tokenInput, Array(500_000).fill(1.5))).toEqual([[[0], "must be an integer"]]);
    expect(faults(tokenIds, [...Array(1000).fill(1), -1, -2])).toEqual([[[1000], "must be at least 0"]]);
  });
});
