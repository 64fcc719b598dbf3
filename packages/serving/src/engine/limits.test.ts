import { reference } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { describe, expect, it } from "vitest";
import { defaultCacheBytes } from "./cache-bytes.js";
import { longestSequence, resolveLimits, rowsOfBlock } from "./limits.js";

const layers = [{ heads: 2, kvHeads: 2, headDim: 4 }];
const bytesOfToken = 2 * 4 * 2 * 4;

describe("limits", () => {
  it("have defaults, and never exceed the model's positions", () => {
    expect(resolveLimits({}, 512)).toEqual({ maxRows: 128, maxSequences: 32, maxWaiting: 1024, maxContext: 512 });
    expect(resolveLimits({ maxContext: 4096, maxWaiting: 0 }, 512)).toMatchObject({ maxContext: 512, maxWaiting: 0 });
  });

  it.each([{ maxRows: 0 }, { maxSequences: 1.5 }, { maxContext: NaN }, { maxWaiting: -1 }, { cacheBytes: Infinity }])(
    "refuse %j",
    (limits) => {
      expect(() => resolveLimits(limits, 512)).toThrow(`limits.${Object.keys(limits)[0]} must be an integer`);
    },
  );
});

describe("what a cache holds", () => {
  it.each([
    [16, 10, 100, 100],
    [16, 3, 100, 48],
    [7, 3, 100, 21],
    [1, 5, 100, 5],
  ])("blocks of %d tokens, %d of them: of %d at most %d in one sequence", (blockSize, blocks, most, expected) => {
    const cache = floatCache({ blockSize })(layers, reference(), blockSize * blocks * bytesOfToken);
    expect(longestSequence(cache, most)).toBe(expected);
    expect(rowsOfBlock(cache, most)).toBe(blockSize);
  });
});

describe("the cache's bytes by default", () => {
  it("hold all contexts, at most half of what is free", () => {
    // Whole blocks of 64 tokens.
    expect(defaultCacheBytes(layers, reference(), 4, 100)).toBe(4 * 128 * bytesOfToken);
    expect(defaultCacheBytes(layers, reference({ memoryBytes: 10_000 }), 4, 100)).toBe(5_000);
  });

  it("are of keys and values as they are computed", () => {
    const narrow = layers.map((layer) => ({ ...layer, dtype: "bf16" as const }));
    expect(defaultCacheBytes(narrow, reference(), 4, 100)).toBe((4 * 128 * bytesOfToken) / 2);
  });

  it("are at most 1 GiB, unless one context needs more", () => {
    expect(defaultCacheBytes(layers, reference(), 1000, 1e6)).toBe(2 ** 30);
    expect(defaultCacheBytes(layers, reference(), 1000, 1e8)).toBe(1e8 * bytesOfToken);
  });
});
