import { describe, expect, test } from "vitest";
import { distribution, latencyOf } from "./metrics.js";
import { type Outcome } from "./outcome.js";
import { summarise } from "./summary.js";

const answered: Outcome = {
  intendedMs: 100,
  sentMs: 130,
  tokenMs: [200, 210, 240],
  endMs: 250,
  promptTokens: 10,
  outputTokens: 3,
  finishReason: "stop",
  failure: undefined,
};

describe("latencyOf", () => {
  test("counts from the intended send, not from the real one", () => {
    expect(latencyOf(answered)).toEqual({ ttftMs: 100, gapsMs: [10, 30], tpotMs: 20, e2eMs: 150 });
  });

  test("parts of several tokens: TPOT divides by tokens, gaps are between parts", () => {
    expect(latencyOf({ ...answered, outputTokens: 9 })).toMatchObject({ tpotMs: 5, gapsMs: [10, 30] });
  });

  test("one token has no gap", () => {
    expect(latencyOf({ ...answered, tokenMs: [200], outputTokens: 1 })).toMatchObject({
      ttftMs: 100,
      gapsMs: [],
      tpotMs: undefined,
    });
  });

  test("no text, no first token", () => {
    expect(latencyOf({ ...answered, tokenMs: [], outputTokens: 0 })).toMatchObject({ ttftMs: undefined, e2eMs: 150 });
  });
});

describe("distribution", () => {
  test("of nothing", () => expect(distribution([])).toBeUndefined());

  test("of 0 to 100, in any order", () => {
    const values = Array.from({ length: 101 }, (_, index) => (index * 37) % 101);
    expect(distribution(values)).toEqual({
      count: 101,
      mean: 50,
      min: 0,
      p50: 50,
      p90: 90,
      p95: 95,
      p99: 99,
      max: 100,
    });
  });

  test("interpolates", () => expect(distribution([1, 2])).toMatchObject({ p50: 1.5, p90: 1.9 }));
});

describe("summarise", () => {
  const late: Outcome = {
    ...answered,
    intendedMs: 600,
    sentMs: 600,
    tokenMs: [1000, 1400],
    endMs: 1400,
    outputTokens: 2,
  };
  const refused: Outcome = {
    ...answered,
    intendedMs: 1500,
    tokenMs: [],
    endMs: 2100,
    outputTokens: 0,
    failure: { kind: "status 429", message: "later" },
  };

  test("rates are over the time from the first intended send to the last end", () => {
    expect(summarise([answered, late, refused])).toMatchObject({
      requests: { sent: 3, answered: 2, failed: 1 },
      failures: { "status 429": 1 },
      durationMs: 2000,
      requestsPerSecond: 1,
      promptTokens: 20,
      outputTokens: 5,
      outputTokensPerSecond: 2.5,
      totalTokensPerSecond: 12.5,
      ttftMs: { count: 2, min: 100, max: 400 },
      tbtMs: { count: 3, max: 400 },
      sloAttainment: undefined,
    });
  });

  test("a failed request misses the SLO", () => {
    const outcomes = [answered, late, refused];
    expect(summarise(outcomes, { ttftMs: 400 }).sloAttainment).toBeCloseTo(2 / 3);
    expect(summarise(outcomes, { ttftMs: 400, tpotMs: 20 }).sloAttainment).toBeCloseTo(1 / 3);
  });

  test("of a load that was stopped before it began", () => {
    expect(summarise([])).toMatchObject({
      requests: { sent: 0 },
      durationMs: 0,
      requestsPerSecond: 0,
      ttftMs: undefined,
    });
  });
});
