import { describe, expect, test } from "vitest";
import { type CacheNeed, planCaches, tokenBytes } from "./plan-caches.js";

const MiB = 2 ** 20;
const need = (name: string, bytesPerToken: number, maxSequences = 4): CacheNeed => ({
  name,
  bytesPerToken,
  context: 1024,
  maxSequences,
});

describe("planCaches", () => {
  test("room for every request, where there is", () => {
    expect(planCaches([need("a", 1024), need("b", 2048)], { free: 100 * MiB, chosen: false })).toEqual([
      { bytes: 4 * MiB, limit: undefined },
      { bytes: 8 * MiB, limit: undefined },
    ]);
  });

  test("half of what is free, where there is not", () => {
    expect(planCaches([need("a", 1024, 64)], { free: 100 * MiB, chosen: true })).toEqual([
      { bytes: 50 * MiB, limit: "half of the 100.0 MiB that are free" },
    ]);
  });

  test("a small model keeps all it needs, and the others have what it leaves", () => {
    const plans = planCaches([need("large", 16_384, 64), need("small", 1024), need("middle", 16_384, 2)], {
      free: 120 * MiB,
      chosen: true,
    });
    expect(plans.map(({ bytes }) => bytes / MiB)).toEqual([28, 4, 28]);
    expect(plans.map(({ limit }) => limit)).toEqual([
      "half of the 120.0 MiB that are free, shared out",
      undefined,
      "half of the 120.0 MiB that are free, shared out",
    ]);
  });

  test("modest where nobody said how much there is, but never less than one request", () => {
    const [plan] = planCaches([need("a", MiB, 8)], { free: 64 * 1024 * MiB, chosen: false });
    expect(plan).toEqual({ bytes: 1024 * MiB, limit: "at most 1.0 GiB unless --memory is given" });
    expect(planCaches([need("a", 4 * MiB, 8)], { free: 64 * 1024 * MiB, chosen: false })[0]!.bytes).toBe(4096 * MiB);
    expect(planCaches([need("a", MiB, 8)], { free: 64 * 1024 * MiB, chosen: true })[0]!.bytes).toBe(8192 * MiB);
  });
});

test("tokenBytes: keys and values of all layers", () => {
  const layer = { heads: 8, kvHeads: 2, headDim: 32 };
  expect(tokenBytes([layer, layer])).toBe(2 * 2 * 2 * 32 * 4);
  expect(tokenBytes([layer, layer], "bf16")).toBe(2 * 2 * 2 * 32 * 2);
  expect(tokenBytes([{ ...layer, dtype: "f16" }, layer])).toBe(2 * 2 * 32 * (2 + 4));
});
