import { floatCache } from "@whittle/kvcache";
import { describe, expect, it } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { gather } from "./engine/gather.js";
import { type GenerateRequest } from "./request.js";
import { randomModel } from "./testing/toy-models.js";

const PROMPT = "a prompt of 27 letters here";
const request: GenerateRequest = { prompt: PROMPT, temperature: 1.2, seed: 7, maxTokens: 9 };

async function withEngine<T>(options: Omit<EngineOptions, "model">, use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = createEngine({ model: randomModel(3), cache: floatCache({ blockSize: 4 }), ...options });
  try {
    return await use(engine);
  } finally {
    const { blocks } = engine.stats();
    expect(blocks.free).toBe(blocks.total);
    await engine.close();
  }
}

function choices(options: Omit<EngineOptions, "model">, count: number): Promise<(readonly number[])[]> {
  return withEngine(options, async (engine) => {
    const answers = await Promise.all(engine.generateMany(request, count).map(gather));
    return answers.map(({ tokens }) => tokens);
  });
}

describe("several answers to one request", () => {
  it("differ, and the first is what the request gets alone", async () => {
    const answers = await choices({}, 4);
    expect(new Set(answers.map((tokens) => tokens.join())).size).toBe(4);
    expect(answers[0]).toEqual(await withEngine({}, async (engine) => (await engine.complete(request)).tokens));
  });

  it("compute the prompt once, and the last row of it each", async () => {
    await withEngine({}, async (engine) => {
      const answers = await Promise.all(engine.generateMany(request, 5).map(gather));
      expect(engine.stats().promptTokens).toBe(PROMPT.length + 4);
      expect(answers.map(({ usage }) => usage.cachedTokens)).toEqual([0, 26, 26, 26, 26]);
    });
  });

  it.each<[string, Omit<EngineOptions, "model">]>([
    ["one after another", { limits: { maxSequences: 1 } }],
    ["places for three of them", { limits: { maxSequences: 3 } }],
    ["the prompt in chunks", { limits: { maxRows: 5 } }],
    ["blocks too few for all", { limits: { cacheBytes: 13 * 4 * 64 } }],
    ["blocks as large as the prompt", { cache: floatCache({ blockSize: 27 }) }],
  ])("are the same however they are computed: %s", async (_name, options) => {
    expect(await choices(options, 4)).toEqual(await choices({}, 4));
  });

  it("go on when the first is cancelled before its prompt is read", async () => {
    const [, ...expected] = await choices({}, 3);
    await withEngine({ limits: { maxRows: 5 } }, async (engine) => {
      const [first, ...others] = engine.generateMany(request, 3);
      while (engine.stats().steps < 2) await new Promise(setImmediate);
      first!.cancel();
      expect((await Promise.all(others.map(gather))).map(({ tokens }) => tokens)).toEqual(expected);
      expect(await gather(first!)).toMatchObject({ finishReason: "abort", tokens: [] });
    });
  });

  it("count as many in the queue", async () => {
    await withEngine({ limits: { maxSequences: 2, maxWaiting: 1 } }, async (engine) => {
      expect(() => engine.generateMany(request, 4)).toThrow(expect.objectContaining({ code: "overloaded" }));
      expect(() => engine.generateMany(request, 0)).toThrow("count must be an integer of at least 1");
      expect(await Promise.all(engine.generateMany(request, 3).map(gather))).toHaveLength(3);
    });
  });
});

describe("a prompt that begins like an earlier one", () => {
  it("finds what that one computed, also its answer", async () => {
    await withEngine({}, async (engine) => {
      const first = await engine.complete({ prompt: PROMPT, temperature: 0, maxTokens: 10 });
      expect(first.usage.cachedTokens).toBe(0);
      const again = await engine.complete({ prompt: PROMPT, temperature: 0, maxTokens: 10 });
      expect(again).toMatchObject({ tokens: first.tokens, usage: { promptTokens: 27, cachedTokens: 24 } });
      const longer = [...Buffer.from(PROMPT), ...first.tokens, 1, 2];
      // 27 + 10 tokens, the last of which was never computed: 9 whole blocks of 4.
      expect((await engine.complete({ prompt: longer, maxTokens: 1 })).usage.cachedTokens).toBe(36);
    });
  });

  it("finds it under the same salt alone", async () => {
    await withEngine({}, async (engine) => {
      const cached = async (cacheSalt?: string) =>
        (await engine.complete({ prompt: PROMPT, maxTokens: 1, ...(cacheSalt !== undefined && { cacheSalt }) })).usage
          .cachedTokens;
      expect([
        await cached(),
        await cached("mine"),
        await cached("mine"),
        await cached(""),
        await cached("yours"),
      ]).toEqual([0, 0, 24, 24, 0]);
    });
  });

  it("gets the same answer as without a cache", async () => {
    const tokens = await withEngine({ cache: floatCache({ blockSize: 64 }) }, async (engine) => {
      return (await engine.complete({ ...request, prompt: `${PROMPT} and more` })).tokens;
    });
    await withEngine({}, async (engine) => {
      await Promise.all(engine.generateMany(request, 3).map(gather));
      const answer = await engine.complete({ ...request, prompt: `${PROMPT} and more` });
      expect(answer.usage.cachedTokens).toBe(24);
      expect(answer.tokens).toEqual(tokens);
    });
  });
});
