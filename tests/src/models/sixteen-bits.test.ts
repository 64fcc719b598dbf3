import { type Device, reference } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel } from "@whittle/models";
import { createEngine, embed } from "@whittle/serving";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gpus, onEachDevice } from "../device/with-device.js";
import { logitsOf, readGolden } from "../goldens/golden.js";

/** Models that are computed in 16 bits, and how far that may stray: the bits of a dtype's fraction decide. */
const kinds = [
  { name: "llama-gqa", activations: "bf16", tolerance: 0.03 },
  { name: "llama-gqa", activations: "f16", tolerance: 0.004 },
  { name: "gpt2", activations: "bf16", tolerance: 0.03 },
  { name: "gpt2", activations: "f16", tolerance: 0.004 },
] as const;

/** Registers the tests; a device of 16 bits need not give a row the same bits in every batch, `batchFree` says whether it does. */
function describeOn(open: () => Promise<Device>, { batchFree }: { batchFree: boolean }): void {
  it.each(kinds)(
    "$name in $activations has the logits of transformers' f32, but for its roundings",
    async ({ name, activations, tolerance }) => {
      const device = await open();
      const golden = await readGolden(name);
      const { model } = await loadModel(golden.folder, { device, activations });
      const logits = await logitsOf(model, device, golden.ids);
      const squares = golden.logits.reduce((sum, value, i) => sum + (logits[i]! - value) ** 2, 0);
      const off = Math.sqrt(squares / golden.logits.length) / golden.logitStd;
      expect(off).toBeLessThan(tolerance);
      expect(off).toBeGreaterThan(tolerance / 50);
    },
  );

  it.each(kinds)(
    "$name in $activations serves requests together, from a cache in its own dtype",
    async ({ name, activations }) => {
      const device = await open();
      const model = await loadModel((await readGolden(name)).folder, { device, activations });
      const engine = createEngine({ model, limits: { cacheBytes: 2 ** 20 } });
      const requests = [3, 9].map((length, n) => ({
        prompt: Array.from({ length }, (_, i) => (31 * n + 7 * i) % model.config.vocabSize),
        maxTokens: 6,
        temperature: 0,
        logprobs: 2,
      }));
      const tokensOf = async (request: (typeof requests)[number]) => {
        const tokens: number[] = [];
        for await (const piece of engine.generate(request)) tokens.push(...piece.tokens);
        return tokens;
      };
      const together = await Promise.all(requests.map(tokensOf));
      expect(together.map(({ length }) => length)).toEqual([6, 6]);
      if (batchFree)
        for (const [i, request] of requests.entries()) expect(await tokensOf(request)).toEqual(together[i]);
      // Half the bytes a token: twice the blocks, and perhaps one for the rest.
      const wide = floatCache({ dtype: "f32" })(model.model.shape.layers, device, 2 ** 20).capacity().total;
      expect(engine.stats().blocks.total).toBeGreaterThanOrEqual(2 * wide);
      await engine.close();
    },
  );
}

describe("reference", () => {
  describeOn(async () => reference(), { batchFree: true });

  describe.each(kinds)("$name in $activations", ({ name, activations, tolerance }) => {
    let models: LoadedModel[];
    beforeAll(async () => {
      const { folder } = await readGolden(name);
      models = await Promise.all(
        (["f32", activations] as const).map((dtype) => loadModel(folder, { device: reference(), activations: dtype })),
      );
    });
    afterAll(() => models.forEach((model) => model.dispose()));

    it("has the embeddings of f32, but for its roundings", async () => {
      const prompt = Array.from({ length: 7 }, (_, i) => 5 * i + 1);
      const vectorOf = async (model: LoadedModel) => {
        const engine = createEngine({ model, limits: { cacheBytes: 2 ** 20 } });
        const [vector] = await embed(engine, [prompt]);
        await engine.close();
        return vector!;
      };
      const [exact, rounded] = await Promise.all(models.map(vectorOf));
      const difference = Math.hypot(...rounded!.map((x, i) => x - exact![i]!)) / Math.hypot(...exact!);
      expect(difference).toBeLessThan(tolerance);
      expect(difference).toBeGreaterThan(0);
    });
  });
});

onEachDevice(({ open }) => describeOn(() => open({ memoryBytes: 2 ** 28 }), { batchFree: false }), gpus);
