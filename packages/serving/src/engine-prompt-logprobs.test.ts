import { reference } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { describe, expect, it } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "./engine.js";
import { gather } from "./engine/gather.js";
import { type Completion, type GenerateRequest } from "./request.js";
import { injectFaults } from "./testing/inject-faults.js";
import { randomModel } from "./testing/toy-models.js";

const TEXT = "what a prompt of 35 letters may say";
const ids = [...new TextEncoder().encode(TEXT)];
const scored: GenerateRequest = { prompt: ids, temperature: 0, maxTokens: 4, promptLogprobs: 3 };
const cache = floatCache({ blockSize: 4 });

async function withEngine<T>(options: Omit<EngineOptions, "model">, use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = createEngine({ model: randomModel(5), cache, ...options });
  try {
    return await use(engine);
  } finally {
    const { blocks } = engine.stats();
    expect(blocks.free).toBe(blocks.total);
    await engine.close();
  }
}

/** What each token's own log-probability is when it is drawn after those before it, one request for each. */
async function byDrawing(): Promise<Completion["promptLogprobs"]> {
  return withEngine({}, async (engine) => {
    const drawn = ids.slice(1).map(async (id, before) => {
      const prompt = ids.slice(0, before + 1);
      const request = { prompt, maxTokens: 1, temperature: 0, logprobs: 3, logitBias: { [id]: 100 } };
      const { logprobs, tokens } = await engine.complete(request);
      expect(tokens).toEqual([id]);
      return logprobs![0];
    });
    return [undefined, ...(await Promise.all(drawn))];
  });
}

describe("log-probabilities of a prompt", () => {
  it("are those of drawing each of its tokens", async () => {
    const answer = await withEngine({}, (engine) => engine.complete(scored));
    expect(answer.promptLogprobs).toEqual(await byDrawing());
    const { promptLogprobs: _, ...unscored } = scored;
    const plain = await withEngine({}, (engine) => engine.complete(unscored));
    expect(plain.promptLogprobs).toBeUndefined();
    expect(answer.tokens).toEqual(plain.tokens);
  });

  it.each<[string, Omit<EngineOptions, "model">]>([
    ["the prompt in chunks", { limits: { maxRows: 5 } }],
    ["blocks too few for all", { limits: { cacheBytes: 15 * 4 * 64 } }],
    ["one after another", { limits: { maxSequences: 1 } }],
  ])("are the same however they are computed: %s", async (_name, options) => {
    const expected = await byDrawing();
    await withEngine(options, async (engine) => {
      const others = ["another", "and one more"].map((prompt) => engine.complete({ prompt, maxTokens: 9 }));
      const answers = await Promise.all(engine.generateMany(scored, 3).map(gather));
      for (const { promptLogprobs } of answers) expect(promptLogprobs).toEqual(expected);
      await Promise.all(others);
    });
  });

  it("are all there though the cache holds the prompt, which other requests still find", async () => {
    await withEngine({}, async (engine) => {
      const first = await engine.complete(scored);
      const again = await engine.complete(scored);
      expect(again).toEqual({ ...first, id: again.id });
      expect(again.usage.cachedTokens).toBe(0);
      const { usage } = await engine.complete({ prompt: ids, maxTokens: 1 });
      expect(usage.cachedTokens).toBe(32);
    });
  });

  it("need no answer: with no tokens to generate, the prompt alone is told", async () => {
    const expected = await byDrawing();
    await withEngine({}, async (engine) => {
      const { text, tokens, promptLogprobs, finishReason, usage } = await engine.complete({ ...scored, maxTokens: 0 });
      expect({ text, tokens, finishReason }).toEqual({ text: "", tokens: [], finishReason: "length" });
      expect(usage).toEqual({ promptTokens: 35, cachedTokens: 0, completionTokens: 0 });
      expect(promptLogprobs).toEqual(expected);
      expect(engine.stats().generatedTokens).toBe(0);
      // A whole context of prompt leaves no room for an answer, and needs none.
      const full = { prompt: new Int32Array(engine.contextLength).fill(97), promptLogprobs: 0 };
      expect((await engine.complete({ ...full, maxTokens: 0 })).promptLogprobs).toHaveLength(engine.contextLength);
      expect(() => engine.generate({ ...full, maxTokens: 1 })).toThrow(/context/);
      expect((await engine.complete({ prompt: [97], maxTokens: 0, promptLogprobs: 1 })).promptLogprobs).toEqual([
        undefined,
      ]);
    });
  });

  it("come with the first piece", async () => {
    await withEngine({}, async (engine) => {
      const lengths: (number | undefined)[] = [];
      for await (const piece of engine.generate({ ...scored, promptLogprobs: 20 })) {
        lengths.push(piece.promptLogprobs?.length);
        for (const one of piece.promptLogprobs?.slice(1) ?? []) expect(one!.top).toHaveLength(20);
      }
      expect(lengths[0]).toBe(35);
      expect(lengths.slice(1).every((length) => length === undefined)).toBe(true);
    });
  });

  it("survive steps that fail", async () => {
    const expected = await byDrawing();
    const device = reference();
    const engine = createEngine({ model: randomModel(5, { device }), cache, limits: { maxRows: 7 } });
    let [ops, faults] = [0, 0];
    injectFaults(device, (op) => {
      if (op !== "topLogprobs" || ops++ % 4 !== 2) return undefined;
      faults++;
      return faults % 2 === 0 ? "allocation" : "op";
    });
    expect((await engine.complete(scored)).promptLogprobs).toEqual(expected);
    expect(faults).toBeGreaterThan(1);
    const { blocks } = engine.stats();
    expect(blocks.free).toBe(blocks.total);
    await engine.close();
  });
});
