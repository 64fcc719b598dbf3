import { fileURLToPath } from "node:url";
import { type CacheStep, type Tensor } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { expect, it } from "vitest";
import { allLogits } from "./greedy.js";

it.each(["llama-gqa", "gpt2"])("%s goes on after failed steps as if they had never been", async (name) => {
  const device = await cpu();
  const { model } = await loadModel(fileURLToPath(new URL(`../../fixtures/goldens/${name}`, import.meta.url)), {
    device,
  });
  const ids = [5, 9, 2, 31, 8, 77];
  const vocab = model.shape.vocabSize;
  const cache = floatCache({ blockSize: 4 })(model.shape.layers, device, 2 ** 20);
  const { sequence } = cache.open();

  function record(tokens: readonly number[], position: number): { step: CacheStep; logits: Tensor } {
    const ints = (list: readonly number[]) => device.tensor(list, [list.length], "i32");
    const rows = {
      tokens: ints(tokens),
      positions: ints(tokens.map((_, i) => position + i)),
      wanted: ints([tokens.length - 1]),
      runs: [{ sequence, from: 0, count: tokens.length, held: false }],
    };
    const step = cache.prepare(rows);
    return { step, logits: device.scope(() => model.forward(rows, step).logits) };
  }

  const prompt = record(ids.slice(0, 4), 0);
  prompt.step.commit();
  // A token that no table holds, and a good one recorded behind it before anyone has looked.
  const bad = record([vocab + 3], 4);
  bad.step.commit();
  const behind = record([1], 5);
  await expect(bad.logits.read()).rejects.toMatchObject({ code: "device", op: "embedding" });
  await expect(behind.logits.read()).rejects.toMatchObject({ code: "device" });
  behind.step.discard();
  bad.step.discard();
  expect(cache.length(sequence)).toBe(4);
  expect((await prompt.logits.read()).length).toBe(vocab);

  const rest = record(ids.slice(4), 4);
  rest.step.commit();
  const expected = await allLogits(model, device, ids);
  expect(await rest.logits.read()).toEqual(expected.slice(-vocab));
  await device.close();
});
