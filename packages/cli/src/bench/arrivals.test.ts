import { describe, expect, test } from "vitest";
import { poissonArrivals, randomRequests } from "./arrivals.js";
import { randomNumbers, stream } from "./random-numbers.js";

const draw = (count: number, seed = 1) =>
  randomRequests(count, { least: 3, most: 5 }, { least: 7, most: 7 }, randomNumbers(seed, stream.lengths));

describe("randomRequests", () => {
  test("draws each length of the range about as often", () => {
    const requests = draw(3000);
    const counts = [3, 4, 5].map((length) => requests.filter(({ promptTokens }) => promptTokens === length).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(3000);
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
    expect(new Set(requests.map(({ outputTokens }) => outputTokens))).toEqual(new Set([7]));
  });

  test("is the seed's", () => {
    expect(draw(50)).toEqual(draw(50));
    expect(draw(50)).not.toEqual(draw(50, 2));
  });
});

describe("poissonArrivals", () => {
  const arrivals = poissonArrivals(draw(5000), 4, randomNumbers(9, stream.arrivals)).map(({ atMs }) => atMs!);
  const gaps = arrivals.map((time, index) => time - (arrivals[index - 1] ?? 0));

  test("the mean gap is 1 / rate, and its deviation too, as an exponential law has it", () => {
    const mean = gaps.reduce((sum, gap) => sum + gap) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeGreaterThan(240);
    expect(mean).toBeLessThan(260);
    expect(deviation / mean).toBeGreaterThan(0.95);
    expect(deviation / mean).toBeLessThan(1.05);
  });

  test("1 - 1/e of the gaps are shorter than the mean", () => {
    expect(gaps.filter((gap) => gap < 250).length / gaps.length).toBeCloseTo(1 - 1 / Math.E, 1);
  });
});
