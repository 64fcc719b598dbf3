import { describe, expect, it } from "vitest";
import { randomModel } from "../testing/toy-models.js";
import { resolveSampling, writeKeys } from "./sampling.js";

describe("keys of a row", () => {
  it.each([0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER])(
    "hold all bits of the seed %d",
    (seed) => {
      const keys = new Int32Array(8);
      writeKeys(keys, 1, seed, 3, 7);
      expect([...keys]).toEqual([
        0,
        0,
        0,
        0,
        Number(BigInt.asIntN(32, BigInt(seed))),
        Number(BigInt.asIntN(32, BigInt(seed) >> 32n)),
        3,
        7,
      ]);
    },
  );
});

it("seeds that nobody chose differ", () => {
  const seeds = Array.from({ length: 100 }, () => resolveSampling({}, randomModel(1)).seed);
  expect(new Set(seeds).size).toBe(100);
  expect(seeds.every(Number.isSafeInteger)).toBe(true);
});
