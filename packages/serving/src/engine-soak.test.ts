import { reference, type SchedulerPolicy } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "./engine.js";
import { firstComeFirstServed } from "./policies/first-come-first-served.js";
import { randomModel } from "./testing/toy-models.js";

const BLOCK_BYTES = 4 * 64;

/** Policies that no one should write. The engine keeps to its budgets and gets everything done all the same. */
const oddPolicies: SchedulerPolicy[] = [
  { name: "idle", plan: () => ({ rows: [], preempt: [] }) },
  {
    name: "greedy",
    plan: ({ running, waiting }) => ({
      rows: [...waiting, ...running, ...running].map(({ id }) => ({ id, rows: 1e9 })),
      preempt: [],
    }),
  },
  {
    name: "confused",
    plan: ({ waiting }) => ({
      rows: [{ id: 1e6, rows: NaN }, ...waiting.map(({ id }) => ({ id, rows: -3 }))],
      preempt: [-1],
    }),
  },
];

/** The usual policy, which also looks whether it is told the truth. */
const distrustful: SchedulerPolicy = {
  name: "distrustful",
  plan(state) {
    const { running, waiting, budget } = state;
    for (const { computedTokens, blocks } of waiting)
      expect({ computedTokens, blocks }).toEqual({ computedTokens: 0, blocks: 0 });
    for (const { computedTokens, blocks } of running) expect(blocks).toBe(Math.ceil(computedTokens / budget.blockRows));
    // Shared blocks count for each that holds them.
    const counted = running.reduce((sum, { blocks }) => sum + blocks, budget.blocks.free);
    expect(counted).toBeGreaterThanOrEqual(budget.blocks.total);
    expect(running.length).toBeLessThanOrEqual(budget.sequences);
    for (const list of [running, waiting])
      expect(list).toEqual([...list].sort((a, b) => a.arrivalMs - b.arrivalMs || a.id - b.id));
    return firstComeFirstServed.plan(state);
  },
};

/** Mostly `null`. */
function seldom<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
}

const anyRequest = fc.record({
  promptTokens: fc.integer({ min: 1, max: 24 }),
  maxTokens: fc.integer({ min: 0, max: 30 }),
  temperature: fc.constantFrom(0, 1),
  /** Turns of the event loop before it is submitted. */
  delay: fc.nat(6),
  /** Pieces after which its consumer leaves. */
  leavesAfter: seldom(fc.integer({ min: 1, max: 4 })),
  /** Turns after which its signal aborts. */
  abortsAfter: seldom(fc.nat(20)),
  choices: fc.constantFrom(1, 1, 1, 3),
  frequencyPenalty: fc.constantFrom(0, 0, 0.5),
  logprobs: seldom(fc.nat(3)),
  promptLogprobs: seldom(fc.nat(3)),
});
const anyEngine = fc.record({
  maxRows: fc.integer({ min: 1, max: 24 }),
  maxSequences: fc.integer({ min: 1, max: 5 }),
  blocks: fc.integer({ min: 14, max: 20 }),
  policy: fc.constantFrom(distrustful, distrustful, distrustful, ...oddPolicies),
});

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

describe("many requests, coming and going", () => {
  it("all end, leak no block and no byte, and are never promised more than there is", async () => {
    let preemptions = 0;
    await fc.assert(
      fc.asyncProperty(
        anyEngine,
        fc.array(anyRequest, { minLength: 2, maxLength: 8 }),
        async ({ policy, blocks, ...limits }, requests) => {
          const device = reference();
          const model = randomModel(1, { device });
          const before = device.memory().live;
          const engine = createEngine({
            model,
            policy,
            cache: floatCache({ blockSize: 4 }),
            limits: { ...limits, cacheBytes: blocks * BLOCK_BYTES },
          });
          let submitted = 0;
          const ended = requests.map(
            async ({
              promptTokens,
              delay,
              leavesAfter,
              abortsAfter,
              choices,
              logprobs,
              promptLogprobs,
              ...options
            }) => {
              await turns(delay);
              const controller = new AbortController();
              if (abortsAfter !== null) void turns(abortsAfter).then(() => controller.abort());
              const request = {
                ...options,
                prompt: Array.from({ length: promptTokens }, (_, i) => i),
                arrivalMs: performance.now() - promptTokens,
                seed: 1,
                signal: controller.signal,
                ...(logprobs !== null && { logprobs }),
                ...(promptLogprobs !== null && { promptLogprobs }),
              };
              submitted += choices;
              const answers = engine.generateMany(request, choices).map(async (generation) => {
                let pieces = 0;
                let tokens = 0;
                for await (const piece of generation) {
                  tokens += piece.tokens.length;
                  expect(piece.logprobs?.length ?? 0).toBe(logprobs === null ? 0 : piece.tokens.length);
                  if (pieces === 0 && piece.finishReason !== "abort")
                    expect(piece.promptLogprobs?.filter((one) => one).length).toBe(
                      promptLogprobs === null ? undefined : promptTokens - 1,
                    );
                  else if (pieces > 0) expect(piece.promptLogprobs).toBeUndefined();
                  if (piece.usage) expect(piece.usage.completionTokens).toBe(tokens);
                  if (++pieces === leavesAfter) break;
                }
                expect(tokens).toBeLessThanOrEqual(options.maxTokens);
              });
              await Promise.all(answers);
            },
          );
          await Promise.all(ended);
          while (engine.stats().running + engine.stats().waiting > 0) await turns(1);
          const stats = engine.stats();
          preemptions += stats.preemptions;
          expect(stats).toMatchObject({
            blocks: { free: blocks, total: blocks },
            failedSteps: 0,
            finishedRequests: submitted,
          });
          await engine.close();
          expect(device.memory().live).toBe(before);
        },
      ),
      { numRuns: 40 },
    );
    expect(preemptions).toBeGreaterThan(0);
  });
});
