import { describe, expect, test } from "vitest";
import { formatBytes, parseByteSize } from "./byte-size.js";

describe("parseByteSize", () => {
  test.each([
    ["1048576", 1048576],
    ["512MiB", 512 * 2 ** 20],
    ["512m", 512 * 2 ** 20],
    ["1.5 GB", 1.5e9],
    ["2gib", 2 ** 31],
  ])("%s", (text, bytes) => expect(parseByteSize(text)).toBe(bytes));

  test.each(["", "GiB", "-1", "1 2", "3 parsecs", "1e9"])("%j is no size", (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });
});

test("formatBytes", () => {
  expect([0, 1023, 1024, 11 * 2 ** 20, 3.26 * 2 ** 40].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "11.0 MiB",
    "3.3 TiB",
  ]);
});
