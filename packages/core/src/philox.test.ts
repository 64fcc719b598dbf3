import { expect, test } from "vitest";
import { philox, uniform } from "./philox.js";

// The known-answer vectors that come with Random123, the authors' own library (kat_vectors, philox4x32 with 10 rounds).
test("philox gives the published words", () => {
  const ones = 0xffffffff;
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});

test("signed words mean the same as unsigned ones", () => {
  expect(philox([-1, -1, -1, -1], [-1, -1])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
});

test("uniform numbers are exact in f32 and below 1", () => {
  expect(uniform(0)).toBe(0);
  const largest = uniform(0xffffffff);
  expect(largest).toBeLessThan(1);
  expect(Math.fround(largest)).toBe(largest);
});
