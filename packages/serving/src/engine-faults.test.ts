import { reference } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createEngine } from "./engine.js";
import { gather } from "./engine/gather.js";
import { type RequestEvent } from "./events.js";
import { type GenerateRequest } from "./request.js";
import { injectFaults, type Fault } from "./testing/inject-faults.js";
import { constantModel, randomModel } from "./testing/toy-models.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Requests of every kind, two of which begin alike; the last is asked for three answers. */
const requests: GenerateRequest[] = [
  { prompt: "a long beginning, the same for two", temperature: 0 },
  { prompt: "a long beginning, the same for two of them", temperature: 0.9, seed: 1 },
  { prompt: "penalised", temperature: 0.9, seed: 2, frequencyPenalty: 0.5, repetitionPenalty: 1.3 },
  { prompt: "watched", temperature: 0, logprobs: 2, minTokens: 6 },
  {
    prompt: "constrained",
    temperature: 1,
    seed: 3,
    constraint: () => ({ allow: (into: Int32Array) => into.fill(-1) !== undefined, accept: () => undefined }),
  },
  { prompt: "several", temperature: 1.1, seed: 4 },
].map((request, i) => ({ ...request, maxTokens: 8 + 3 * i }));

/** What all requests get, and what the engine counted. `decide`: which op fails. */
async function answers(decide: (op: string) => Fault | undefined, maxRows = 16) {
  const device = reference();
  const model = randomModel(5, { device });
  const before = device.memory().live;
  injectFaults(device, decide);
  const engine = createEngine({ model, cache: floatCache({ blockSize: 4 }), limits: { maxRows } });
  const generations = [
    ...requests.slice(0, -1).map((request) => engine.generate(request)),
    ...engine.generateMany(requests.at(-1)!, 3),
  ];
  const results = await Promise.allSettled(generations.map(gather));
  const { blocks, failedSteps, running } = engine.stats();
  expect({ free: blocks.free, running }).toEqual({ free: blocks.total, running: 0 });
  await engine.close();
  expect(device.memory().live).toBe(before);
  return { results, failedSteps };
}

function tokensOf(results: PromiseSettledResult<{ tokens: readonly number[] }>[]): unknown[] {
  return results.map((result) => (result.status === "fulfilled" ? result.value.tokens : result.reason));
}

describe("faults now and then, wherever they strike", () => {
  it("change no answer and leak nothing", async () => {
    const expected = tokensOf((await answers(() => undefined)).results);
    let failedSteps = 0;
    const anyFaults = fc.record({
      first: fc.integer({ min: 1, max: 400 }),
      // Far enough apart that whom a fault struck has been tried again alone before the next one.
      gap: fc.integer({ min: 700, max: 1200 }),
      kind: fc.constantFrom<Fault>("allocation", "op"),
      maxRows: fc.integer({ min: 4, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(anyFaults, async ({ first, gap, kind, maxRows }) => {
        let calls = -first;
        const outcome = await answers(() => (++calls % gap === 0 ? kind : undefined), maxRows);
        expect(tokensOf(outcome.results)).toEqual(expected);
        failedSteps += outcome.failedSteps;
      }),
      { numRuns: 25 },
    );
    expect(failedSteps).toBeGreaterThan(10);
  });

  it.each(["sample", "mixTokens", "adjustLogits", "maskLogits", "topLogprobs", "appendKv.paged"])(
    "also in %s",
    async (name) => {
      const expected = tokensOf((await answers(() => undefined)).results);
      for (const kind of ["allocation", "op"] as const) {
        let calls = 0;
        const { results, failedSteps } = await answers((op) => (op === name && ++calls === 3 ? kind : undefined));
        expect(failedSteps).toBe(1);
        expect(tokensOf(results)).toEqual(expected);
      }
    },
  );

  it("fail those whose own step fails again, with what it failed of", async () => {
    const { results } = await answers((op) => (op === "adjustLogits" ? "op" : undefined));
    const failed = results.map(({ status }) => status === "rejected");
    // Of all requests the penalised one and the one with minTokens need that op.
    expect(failed).toEqual([false, false, true, true, false, false, false, false]);
    expect(results[2]).toMatchObject({ reason: { code: "device", op: "adjustLogits" } });
  });
});

describe("a time limit", () => {
  it("ends a request that waits and one that runs, with what they have, and no other", async () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const events: RequestEvent[] = [];
    const engine = createEngine({
      model: constantModel({ 97: 5 }, { maxPositions: 400 }),
      limits: { maxSequences: 2 },
      onEvent: (event) => events.push(event),
    });
    const request = { prompt: "x", temperature: 0, maxTokens: 300 };
    const other = engine.complete({ ...request, timeoutMs: 5000 });
    const late = engine.generate({ ...request, timeoutMs: 1000 });
    const waits = engine.complete({ ...request, timeoutMs: 999.5 });
    const reading = async (): Promise<string> => {
      let text = "";
      try {
        for await (const piece of late) {
          text += piece.text;
          if (text.length >= 5) now = 1000;
        }
        return text;
      } catch (error) {
        expect(error).toMatchObject({ code: "deadline_exceeded", message: expect.stringContaining("1000 ms") });
        return text;
      }
    };
    const [text, waited] = await Promise.all([reading(), waits.catch((error: unknown) => error)]);
    expect(text).toMatch(/^a{5,20}$/);
    expect(waited).toMatchObject({ code: "deadline_exceeded", message: expect.stringContaining("0 tokens") });
    expect((await other).tokens).toHaveLength(300);
    const reasons = events.flatMap((event) => (event.type === "finished" ? [event.reason] : []));
    expect(reasons).toEqual(["timeout", "timeout", "length"]);
    await engine.close();
  });

  it("does not see the wall clock jump", async () => {
    const engine = createEngine({ model: constantModel({ 97: 5 }) });
    let jumps = 0;
    vi.spyOn(Date, "now").mockImplementation(() => (++jumps % 2 === 0 ? 0 : 1e14));
    const answer = await engine.complete({ prompt: "x", temperature: 0, maxTokens: 50, timeoutMs: 60_000 });
    expect(answer.tokens).toHaveLength(50);
    await engine.close();
  });
});

describe("a consumer that does not come", () => {
  it("holds nobody up, and gets all of it in one piece", async () => {
    const engine = createEngine({ model: constantModel({ 97: 5 }) });
    const request = { prompt: "x", temperature: 0, maxTokens: 100 };
    const ignored = engine.generate(request);
    await engine.complete(request);
    while (engine.stats().running > 0) await new Promise(setImmediate);
    const pieces = [];
    for await (const piece of ignored) pieces.push(piece);
    expect(pieces).toMatchObject([{ text: "a".repeat(100), finishReason: "length" }]);
    await engine.close();
  });
});
