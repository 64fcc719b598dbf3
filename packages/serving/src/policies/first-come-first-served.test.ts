import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SimulatedLimits, simulate } from "../testing/simulate.js";
import { firstComeFirstServed } from "./first-come-first-served.js";

const roomy: SimulatedLimits = { rows: 64, sequences: 8, blocks: 1000, blockRows: 16 };
const request = (arrivalMs: number, promptTokens: number, outputTokens: number) => ({
  arrivalMs,
  promptTokens,
  outputTokens,
});

describe("first come, first served, on a virtual clock", () => {
  it("gives the rates of the survey's figure: the second of two waits for the first where only one may run", () => {
    const { finishedMs } = simulate(firstComeFirstServed, [request(0, 1, 10), request(0, 1, 2)], {
      ...roomy,
      sequences: 1,
    });
    expect(finishedMs.map((time) => Math.floor(time))).toEqual([10, 12]);
  });

  it("never holds running answers up for a long prompt", () => {
    const { longestGap, firstTokenMs } = simulate(
      firstComeFirstServed,
      [request(0, 4, 60), request(3, 2000, 5)],
      roomy,
    );
    expect(longestGap).toBe(1);
    // 2,000 tokens at 63 a step beside one decode row.
    expect(firstTokenMs[1]).toBeGreaterThan(3 + 2000 / 63);
  });

  it("lets short prompts pass beside a long one, which takes at most twice its time", () => {
    const short = Array.from({ length: 10 }, (_, i) => request(1 + 3 * i, 20, 3));
    const { firstTokenMs } = simulate(firstComeFirstServed, [request(0, 2000, 1), ...short], {
      ...roomy,
      sequences: 16,
    });
    // Two steps of 1.64 ms, and the one under way when it came.
    short.forEach(({ arrivalMs }, i) => expect(firstTokenMs[i + 1]! - arrivalMs).toBeLessThan(3.5 * 1.64));
    const alone = simulate(firstComeFirstServed, [request(0, 2000, 1)], roomy);
    expect(firstTokenMs[0]!).toBeLessThan(2 * alone.firstTokenMs[0]!);
    expect(firstTokenMs[0]!).toBeGreaterThan(Math.max(...firstTokenMs.slice(1)));
  });

  it("gives a step's rows to the oldest where nobody is behind it, or those behind need less", () => {
    const { firstTokenMs } = simulate(firstComeFirstServed, [request(0, 128, 1), request(0, 8, 1)], roomy);
    // 64 rows a step: 56 and 8, then 64, then 8.
    expect(firstTokenMs.map((time) => Math.round(time / 1.64))).toEqual([3, 1]);
  });

  it("lets nobody overtake a request that waits for room", () => {
    const tight = { ...roomy, blocks: 10 };
    const { firstTokenMs, finishedMs } = simulate(
      firstComeFirstServed,
      [request(0, 100, 20), request(1, 120, 2), request(2, 1, 2)],
      tight,
    );
    expect(firstTokenMs[2]).toBeGreaterThan(finishedMs[0]!);
  });

  it("preempts the youngest when blocks run out, and the oldest is never held up", () => {
    const tight = { ...roomy, blocks: 8, blockRows: 4 };
    const both = simulate(firstComeFirstServed, [request(0, 8, 20), request(0, 8, 20)], tight);
    expect(both.preemptions).toBeGreaterThan(0);
    const alone = simulate(firstComeFirstServed, [request(0, 8, 20)], tight);
    expect(both.finishedMs[0]! - alone.finishedMs[0]!).toBeLessThan(20 * 0.01 * 2);
  });

  it("finishes every request within its budgets, whatever comes", () => {
    const limits = fc.record({
      rows: fc.integer({ min: 1, max: 40 }),
      sequences: fc.integer({ min: 1, max: 6 }),
      blocks: fc.integer({ min: 4, max: 24 }),
      blockRows: fc.integer({ min: 1, max: 8 }),
    });
    const anyRequest = fc.record({
      arrivalMs: fc.nat(30),
      promptTokens: fc.integer({ min: 1, max: 60 }),
      outputTokens: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(limits, fc.array(anyRequest, { minLength: 1, maxLength: 12 }), (budget, requests) => {
        // The engine refuses what the cache could not hold alone.
        const fitting = requests.filter(
          ({ promptTokens, outputTokens }) => promptTokens + outputTokens <= budget.blocks * budget.blockRows,
        );
        const { finishedMs } = simulate(firstComeFirstServed, fitting, budget);
        expect(finishedMs.filter((time) => time > 0)).toHaveLength(fitting.length);
      }),
      { numRuns: 200 },
    );
  });
});
