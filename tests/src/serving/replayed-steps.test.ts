import { fileURLToPath } from "node:url";
import { type CacheFactory, type Device, isTensor, Linear } from "@whittle/core";
import { cpu, failCall, replayCounts } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel } from "@whittle/models";
import { createEngine, type EngineOptions, type GenerateRequest } from "@whittle/serving";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A cache that does not say what its steps read: the engine records each of them. */
const recorded: CacheFactory = (...args) => {
  const cache = floatCache({ blockSize: 4 })(...args);
  const prepare = cache.prepare.bind(cache);
  cache.prepare = (rows) => Object.defineProperty(prepare(rows), "inputs", { value: undefined });
  return cache;
};
const replayed: CacheFactory = floatCache({ blockSize: 4 });

/** Lets only every third id come. */
const everyThird = () => ({
  allow(into: Int32Array) {
    for (let id = 3; id < 900; id += 3) into[id >> 5]! |= 1 << (id & 31);
    return true;
  },
  accept: () => undefined,
});

const kinds: GenerateRequest[] = [
  { prompt: "", temperature: 0 },
  { prompt: "", temperature: 0.9, seed: 1 },
  { prompt: "", temperature: 0.9, seed: 2, frequencyPenalty: 0.5 },
  { prompt: "", temperature: 0.7, seed: 3, logprobs: 3 },
  { prompt: "", temperature: 0.8, seed: 4, constraint: everyThird },
  { prompt: "", temperature: 0, repetitionPenalty: 1.3 },
];

/** Requests of many lengths: they come and go, so that the rows of a step and the widths of its tables change. */
const requests = (count: number, of: readonly GenerateRequest[]): GenerateRequest[] =>
  Array.from({ length: count }, (_, n) => ({
    ...of[n % of.length]!,
    prompt: Array.from({ length: 3 + 5 * (n % 7) }, (__, i) => 3 + ((i * i + 7 * n) % 900)),
    maxTokens: 8 + 11 * (n % 5),
    ignoreEos: true,
  }));

describe("steps that the engine replays", () => {
  let device: Device;
  let loaded: LoadedModel;
  let before: number;

  beforeAll(async () => {
    device = await cpu();
    loaded = await loadModel(fileURLToPath(new URL("../../../models/books-5m", import.meta.url)), { device });
    before = device.memory().live;
  });
  afterAll(async () => {
    loaded.dispose();
    expect(device.memory().live).toBe(0);
    await device.close();
  });

  async function answer(
    all: readonly GenerateRequest[],
    options: Omit<EngineOptions, "model">,
    during: () => void = () => undefined,
  ) {
    const engine = createEngine({ model: loaded, ...options });
    const counts = replayCounts(device);
    const pending = Promise.all(all.map((request) => engine.complete(request)));
    during();
    const completions = await pending;
    const { failedSteps, preemptions } = engine.stats();
    await engine.close();
    // What programs held was given back.
    expect(device.memory().live).toBe(before);
    const { captured, replayed: runs } = replayCounts(device);
    return {
      answers: completions.map(({ tokens, logprobs }) => ({ tokens, logprobs })),
      failedSteps,
      preemptions,
      captured: captured - counts.captured,
      replayed: runs - counts.replayed,
    };
  }

  it.each([
    ["one request", requests(1, kinds)],
    ["plain requests", requests(9, kinds.slice(0, 2))],
    ["requests of all kinds", requests(24, kinds)],
  ])("give the same tokens as recorded ones: %s", async (_, all) => {
    const expected = await answer(all, { cache: recorded });
    expect(expected.replayed).toBe(0);
    const { answers, replayed: runs } = await answer(all, { cache: replayed });
    expect(answers).toEqual(expected.answers);
    expect(runs).toBeGreaterThan(0);
  });

  it("are most of the steps of a long answer, whose tables grow", async () => {
    const [request] = requests(1, kinds);
    const { answers, captured, replayed: runs } = await answer([{ ...request!, maxTokens: 200 }], { cache: replayed });
    expect(answers[0]!.tokens.length).toBe(200);
    // A program for each doubling of the table, made when its shape comes again; with the prompt's, some steps that are recorded.
    expect(captured).toBeLessThanOrEqual(10);
    expect(runs).toBeGreaterThan(180);
  });

  it("stay the same when sequences are preempted", async () => {
    const all = requests(12, kinds.slice(0, 2));
    const limits = { maxSequences: 12, cacheBytes: 2 ** 19 };
    const expected = await answer(all, { cache: recorded, limits });
    const { answers, preemptions, replayed: runs } = await answer(all, { cache: replayed, limits });
    expect(preemptions).toBeGreaterThan(0);
    expect(runs).toBeGreaterThan(0);
    expect(answers).toEqual(expected.answers);
  });

  it.each(["linear", "attendPart.paged", "appendKv.paged", "sample"])(
    "that fail (%s) are tried again, and nothing else changes",
    async (op) => {
      const all = requests(6, kinds.slice(0, 2));
      const expected = await answer(all, { cache: recorded });
      const {
        answers,
        failedSteps,
        replayed: runs,
      } = await answer(all, { cache: replayed }, () => {
        // Some steps after the first that is replayed.
        failCall(device, { op, skip: op === "sample" ? 20 : 150 });
      });
      expect(failedSteps).toBeGreaterThan(0);
      expect(runs).toBeGreaterThan(0);
      expect(answers).toEqual(expected.answers);
    },
  );

  it("are forgotten beyond some number of shapes", async () => {
    const all = requests(48, kinds.slice(0, 2)).map((request, n) => ({ ...request, maxTokens: 12 + 3 * n }));
    const expected = await answer(all, { cache: recorded, limits: { maxSequences: 48 } });
    const { answers, captured } = await answer(all, { cache: replayed, limits: { maxSequences: 48 } });
    expect(captured).toBeGreaterThan(32);
    expect(answers).toEqual(expected.answers);
  });

  describe("with changes to the model", () => {
    const site = "layers.1.mlp.down";

    it("use a replaced weight from the next step on, and free programs of the old one", async () => {
      const layer = loaded.model.linears.get(site)!;
      const { weight } = layer;
      if (!isTensor(weight)) throw new Error("not a tensor");
      const all = requests(1, kinds).map((request) => ({ ...request, maxTokens: 60 }));
      const engine = createEngine({ model: loaded, cache: replayed });
      const usual = await engine.complete(all[0]!);
      const zeros = device.unscoped(() => device.zeros(weight.shape, weight.dtype));
      layer.weight = zeros;
      const changed = await engine.complete({ ...all[0]!, cacheSalt: "changed" });
      layer.weight = weight;
      zeros.dispose();
      const again = await engine.complete({ ...all[0]!, cacheSalt: "again" });
      await engine.close();
      expect(again.tokens).toEqual(usual.tokens);
      expect(changed.tokens).not.toEqual(usual.tokens);
      layer.weight = device.unscoped(() => device.zeros(weight.shape, weight.dtype));
      const fresh = await createEngineOnce(all[0]!);
      layer.weight.dispose();
      layer.weight = weight;
      expect(changed.tokens).toEqual(fresh);
      expect(device.memory().live).toBe(before);
    });

    it("are recorded while a layer does more than its product, or somebody looks at each op", async () => {
      const all = requests(2, kinds.slice(0, 2));
      const expected = await answer(all, { cache: recorded });
      const layer = loaded.model.linears.get(site)!;
      let calls = 0;
      layer.apply = (...args) => {
        calls++;
        return Linear.prototype.apply.call(layer, ...args);
      };
      const adapted = await answer(all, { cache: replayed });
      delete (layer as { apply?: unknown }).apply;
      expect(adapted.replayed).toBe(0);
      expect(calls).toBeGreaterThan(10);
      expect(adapted.answers).toEqual(expected.answers);

      let ops = 0;
      const record = device.record.bind(device);
      device.record = (...args) => {
        ops++;
        return record(...args);
      };
      const seen = await answer(all, { cache: replayed });
      delete (device as { record?: unknown }).record;
      expect(seen.replayed).toBe(0);
      expect(ops).toBeGreaterThan(1000);
      expect(seen.answers).toEqual(expected.answers);
    });

    async function createEngineOnce(request: GenerateRequest): Promise<readonly number[]> {
      const engine = createEngine({ model: loaded, cache: recorded });
      const { tokens } = await engine.complete(request);
      await engine.close();
      return tokens;
    }
  });
});
