import { fileURLToPath } from "node:url";
import { loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { expect, test } from "vitest";
import { onEachDevice } from "../device/with-device.js";

const folders = {
  "books-5m": fileURLToPath(new URL("../../../models/books-5m", import.meta.url)),
  "llama-gqa": fileURLToPath(new URL("../../fixtures/goldens/llama-gqa", import.meta.url)),
};

onEachDevice(({ name, open }) => {
  // What the emulated GPU computes takes its time.
  const models = name === "cuda-emulated" ? (["llama-gqa"] as const) : (["llama-gqa", "books-5m"] as const);
  const length = name === "cuda-emulated" ? 14 : 40;
  test.each(models)(
    "log-probabilities of a prompt of %s are those of drawing its tokens, however it is cut",
    async (modelName) => {
      const device = await open();
      const model = await loadModel(folders[modelName], { device });
      const { vocabSize } = model.model.shape;
      const prompt = Int32Array.from({ length }, (_, i) => (7 * i * i + 3 * i + 5) % vocabSize);
      const scores: number[][] = [];
      for (const maxRows of [128, 5]) {
        const engine = createEngine({ model, limits: { maxRows } });
        const { promptLogprobs } = await engine.complete({ prompt, maxTokens: 0, promptLogprobs: 1 });
        expect(promptLogprobs!.map((one) => one?.token)).toEqual([undefined, ...prompt.slice(1)]);
        scores.push(promptLogprobs!.slice(1).map((one) => one!.logprob));
        await engine.close();
      }
      const engine = createEngine({ model });
      const drawn = await Promise.all(
        Array.from(prompt.slice(1), async (id, before) => {
          const request = { prompt: prompt.slice(0, before + 1), maxTokens: 1, temperature: 0, logprobs: 0 };
          return (await engine.complete({ ...request, logitBias: { [id]: 100 } })).logprobs![0]!.logprob;
        }),
      );
      await engine.close();
      for (const some of scores) {
        // On the CPU a row is the same whatever rows are beside it; a GPU has other kernels for many rows.
        if (name === "cpu") expect(some).toEqual(drawn);
        else some.forEach((logprob, i) => expect(logprob).toBeCloseTo(drawn[i]!, 3));
      }
      model.dispose();
      expect(device.memory().live).toBe(0);
    },
  );
});
