import { reference } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { createEngine, embed } from "@whittle/serving";
import { describe, expect, it } from "vitest";
import { logitsOf, readGolden } from "../goldens/golden.js";

/** Bits of a dtype's fraction decide how far what is computed in it strays. */
const tolerances = { bf16: 0.05, f16: 0.006 } as const;

describe.each(["llama-gqa", "gpt2"])("%s in 16 bits, on the reference device", (name) => {
  describe.each(["bf16", "f16"] as const)("%s", (activations) => {
    const tolerance = tolerances[activations];

    it("has the logits of transformers' f32, but for its roundings", async () => {
      const device = reference();
      const golden = await readGolden(name);
      const { model } = await loadModel(golden.folder, { device, activations });
      const logits = await logitsOf(model, device, golden.ids);
      const squares = golden.logits.reduce((sum, value, i) => sum + (logits[i]! - value) ** 2, 0);
      const off = Math.sqrt(squares / golden.logits.length) / golden.logitStd;
      expect(off).toBeLessThan(tolerance);
      expect(off).toBeGreaterThan(tolerance / 50);
    });

    it("serves requests together as each alone, from a cache in its own dtype", async () => {
      const device = reference();
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
      for (const [i, request] of requests.entries()) expect(await tokensOf(request)).toEqual(together[i]);
      expect(together.flat()).toHaveLength(12);
      // Half the bytes a token: twice the blocks, and perhaps one for the rest.
      const wide = floatCache({ dtype: "f32" })(model.model.shape.layers, device, 2 ** 20).capacity().total;
      expect(engine.stats().blocks.total).toBeGreaterThanOrEqual(2 * wide);
      await engine.close();
    });

    it("has the embeddings of f32, but for its roundings", async () => {
      const { folder } = await readGolden(name);
      const prompt = Array.from({ length: 7 }, (_, i) => 5 * i + 1);
      const vectorOf = async (dtype: "f32" | typeof activations) => {
        const device = reference();
        const engine = createEngine({
          model: await loadModel(folder, { device, activations: dtype }),
          limits: { cacheBytes: 2 ** 20 },
        });
        const [vector] = await embed(engine, [prompt]);
        await engine.close();
        return vector!;
      };
      const [exact, rounded] = [await vectorOf("f32"), await vectorOf(activations)];
      const difference = Math.hypot(...rounded.map((x, i) => x - exact[i]!)) / Math.hypot(...exact);
      expect(difference).toBeLessThan(tolerance);
      expect(difference).toBeGreaterThan(0);
    });
  });
});
