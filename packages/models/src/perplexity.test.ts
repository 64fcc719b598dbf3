import { reference } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { rowsOf, logitsOf, tinyConfigs, tinyModel } from "./architectures/tiny-model.js";
import { perplexity, slidingWindows } from "./perplexity.js";

describe("windows", () => {
  it("stand side by side by default, the first token unscored", () => {
    expect(slidingWindows(11, { window: 4 }, 64)).toEqual([
      { from: 0, to: 4, scored: 4 },
      { from: 4, to: 8, scored: 4 },
      { from: 8, to: 10, scored: 2 },
    ]);
  });

  it("overlap with a stride, each scoring what none before it did", () => {
    expect(slidingWindows(10, { window: 4, stride: 2 }, 64)).toEqual([
      { from: 0, to: 4, scored: 4 },
      { from: 2, to: 6, scored: 2 },
      { from: 4, to: 8, scored: 2 },
      { from: 6, to: 9, scored: 1 },
    ]);
  });

  it("begin with BOS on demand and then score the first token", () => {
    expect(slidingWindows(9, { window: 4, bos: 1 }, 64)).toEqual([
      { from: 0, to: 3, scored: 4 },
      { from: 4, to: 7, scored: 4 },
      { from: 8, to: 8, scored: 1 },
    ]);
  });

  it.each([
    [{ window: 0 }, "window must be"],
    [{ window: 65 }, "the model's 64 positions"],
    [{ window: 8, stride: 9 }, "stride must be"],
    [{ window: 8, stride: 0.5 }, "stride must be"],
  ])("refuse %j", (options, message) => {
    expect(() => slidingWindows(20, options, 64)).toThrow(message);
  });

  it("need something to score", () => {
    expect(() => slidingWindows(1, { window: 4 }, 64)).toThrow("a text of 1 tokens has none to score");
    expect(slidingWindows(1, { window: 4, bos: 0 }, 64)).toEqual([{ from: 0, to: 0, scored: 1 }]);
  });
});

describe("perplexity", () => {
  const device = reference();
  const model = tinyModel(tinyConfigs.llama, device);
  const ids = Array.from({ length: 90 }, (_, i) => (i * i + 3 * i) % 23);

  /** Straight from the definition: one window at a time, all logits read. */
  async function byHand(options: { window: number; stride?: number; bos?: number }): Promise<number> {
    let sum = 0;
    let count = 0;
    for (const { from, to, scored } of slidingWindows(ids.length, options, 64)) {
      const input = [...(options.bos === undefined ? [] : [options.bos]), ...ids.slice(from, to)];
      const logits = (await logitsOf(model, device, rowsOf(device, [input]))).slice(-scored);
      logits.forEach((row, i) => {
        const total = row.reduce((all, x) => all + Math.exp(x), 0);
        sum += Math.log(total) - row[ids[to + 1 - scored + i]!]!;
        count++;
      });
    }
    return sum / count;
  }

  it.each([
    { window: 16 },
    { window: 16, stride: 5 },
    { window: 16, bos: 7 },
    { window: 20, stride: 7, bos: 7 },
    { window: 64, stride: 32 },
  ])("is the mean over windows %j", async (options) => {
    const result = await perplexity({ model, device }, ids, options);
    expect(result.nll).toBeCloseTo(await byHand(options), 5);
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nll), 9);
    expect(result.tokens).toBe(options.bos === undefined ? 89 : 90);
    expect(result.nll).toBeGreaterThan(0.5);
  });

  it("frees what it makes, tells how far it is and can be called off", async () => {
    const before = device.memory().live;
    const seen: number[] = [];
    await perplexity({ model, device }, ids, {
      window: 64,
      stride: 4,
      onProgress: ({ done, total }) => seen.push(done / total!),
    });
    expect(device.memory().live).toBe(before);
    expect(seen.length).toBeGreaterThanOrEqual(1);
    expect(seen.at(-1)).toBe(1);
    await expect(
      perplexity({ model, device }, ids, { window: 8, signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
  });
});
