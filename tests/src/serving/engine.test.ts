import { fileURLToPath } from "node:url";
import { type Device } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel } from "@whittle/models";
import {
  type Completion,
  createEngine,
  type EngineOptions,
  type GenerateRequest,
  type Generation,
} from "@whittle/serving";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const books = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const gpt2 = fileURLToPath(new URL("../../fixtures/goldens/gpt2", import.meta.url));

/** Only ids whose number, taken by 3, leaves 1. */
const oneOfThree = () => ({
  allow(into: Int32Array) {
    for (let id = 1; id < 32 * (into.length - 1); id += 3) into[id >> 5]! |= 1 << (id & 31);
    return true;
  },
  accept: () => undefined,
});

/** How each request is drawn, beside the greedy ones. */
const drawn: Partial<GenerateRequest>[] = [
  {},
  { frequencyPenalty: 0.7, presencePenalty: 0.2, repetitionPenalty: 1.2, logprobs: 3 },
  { temperature: 0.9, topP: 0.95, seed: 2 },
  { logitBias: { 5: 3, 6: -100 }, minTokens: 10, ignoreEos: true },
  { temperature: 0.8, seed: 4, constraint: oneOfThree },
  { temperature: 0.9, topP: 0.95, seed: 5, repetitionPenalty: 1.1, logprobs: 0 },
];

/** Requests of many kinds and lengths, whose prompts follow from their place. */
function requestsFor({ config, model }: LoadedModel): GenerateRequest[] {
  return [1, 2, 7, 16, 33, 40].map((length, n) => ({
    prompt: Array.from({ length }, (_, i) => (17 * n + 5 * i * i + i) % config.vocabSize),
    maxTokens: Math.min(20 + n, model.shape.maxPositions - length),
    temperature: 0,
    ...drawn[n],
  }));
}

async function tokensOf(generation: Generation): Promise<number[]> {
  const tokens: number[] = [];
  for await (const piece of generation) tokens.push(...piece.tokens);
  return tokens;
}

describe.each([books, gpt2])("the engine on cpu() with %s", (folder) => {
  let device: Device;
  let loaded: LoadedModel;
  let alone: (readonly number[])[];

  beforeAll(async () => {
    device = await cpu();
    loaded = await loadModel(folder, { device });
    alone = [];
    const engine = createEngine({ model: loaded, limits: { maxSequences: 1 } });
    for (const request of requestsFor(loaded)) alone.push((await engine.complete(request)).tokens);
    await engine.close();
  });

  afterAll(async () => {
    loaded.dispose();
    expect(device.memory().live).toBe(0);
    await device.close();
  });

  async function together(model: LoadedModel, options: Omit<EngineOptions, "model"> = {}): Promise<Completion[]> {
    const engine = createEngine({ model, ...options });
    try {
      return await Promise.all(requestsFor(model).map((request) => engine.complete(request)));
    } finally {
      const { blocks } = engine.stats();
      expect(blocks.free).toBe(blocks.total);
      await engine.close();
    }
  }

  it.each<[string, Omit<EngineOptions, "model">]>([
    ["batched", {}],
    ["in chunks of 5 rows", { limits: { maxRows: 5 } }],
    ["two at a time", { limits: { maxSequences: 2 } }],
    ["in blocks of 3", { cache: floatCache({ blockSize: 3 }) }],
  ])("gives each request the tokens it gets alone: %s", async (_, options) => {
    expect((await together(loaded, options)).map(({ tokens }) => tokens)).toEqual(alone);
  });

  it("gives them also where requests are preempted and computed again", async () => {
    const { layers } = loaded.model.shape;
    const bytesOfToken = layers.reduce((sum, { kvHeads, headDim }) => sum + 8 * kvHeads * headDim, 0);
    const preempted: string[] = [];
    const answers = await together(loaded, {
      cache: floatCache({ blockSize: 4 }),
      limits: { cacheBytes: 120 * bytesOfToken },
      onEvent: ({ type, requestId }) => void (type === "preempted" && preempted.push(requestId)),
    });
    expect(preempted.length).toBeGreaterThan(0);
    expect(answers.map(({ tokens }) => tokens)).toEqual(alone);
  });

  it("computes a prompt once for several answers, and finds it again for the next request", async () => {
    const request = { ...requestsFor(loaded).at(-1)!, maxTokens: 8 };
    const engine = createEngine({ model: loaded, cache: floatCache({ blockSize: 8 }) });
    const single = createEngine({ model: loaded, limits: { maxSequences: 1 } });
    const [answers, oneByOne] = await Promise.all(
      [engine, single].map((by) => Promise.all(by.generateMany(request, 4).map(tokensOf))),
    );
    expect(answers).toEqual(oneByOne);
    expect(engine.stats().promptTokens).toBe(40 + 3);
    const again = await engine.complete(request);
    expect(again).toMatchObject({ tokens: answers![0], usage: { cachedTokens: 32 } });
    await Promise.all([engine.close(), single.close()]);
  });

  it("gives them on one thread too", async () => {
    const other = await cpu({ threads: 1 });
    const model = await loadModel(folder, { device: other });
    expect((await together(model)).map(({ tokens }) => tokens)).toEqual(alone);
    await other.close();
  });

  it("fails all requests, and stays closed, when the device is lost under them", async () => {
    const other = await cpu();
    const engine = createEngine({ model: await loadModel(folder, { device: other }) });
    const answers = Promise.allSettled(requestsFor(loaded).map((request) => engine.complete(request)));
    while (engine.stats().generatedTokens < 10) await new Promise(setImmediate);
    await other.close();
    for (const answer of await answers) {
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "device_lost" } });
    }
    expect(engine.accepting).toBe(false);
    await engine.close();
  });
});
