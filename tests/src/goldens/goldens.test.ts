import { type Device, reference } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faults, readConfig, withFault } from "./faults.js";
import { agrees, continueGreedily, distance, goldenNames, logitsOf, readGolden, TOLERANCE } from "./golden.js";

const goldens = await Promise.all((await goldenNames()).map(readGolden));
const configs = new Map(
  await Promise.all(goldens.map(async ({ name, folder }) => [name, await readConfig(folder)] as const)),
);

it("has fixtures in which faults would show", () => {
  expect(goldens.map(({ name }) => name)).toEqual([
    "gpt2",
    "llama-gqa",
    "llama-rope-scaled",
    "llama-tied-bf16",
    "mistral-sharded",
  ]);
  for (const { ids, logitStd, attentionEntropy } of goldens) {
    expect(ids.length).toBeGreaterThanOrEqual(64);
    expect(logitStd).toBeGreaterThanOrEqual(1);
    expect(attentionEntropy).toBeLessThan(0.8);
  }
});

it.each(goldens)("$name has the logits of transformers at every position on the reference device", async (golden) => {
  const device = reference();
  const loaded = await loadModel(golden.folder, { device });
  expect(distance(await logitsOf(loaded.model, device, golden.ids), golden.logits)).toBeLessThanOrEqual(TOLERANCE);
  await device.close();
});

describe("on the CPU", () => {
  let device: Device;
  beforeAll(async () => {
    device = await cpu();
  });
  afterAll(() => device.close());

  describe.each(goldens)("$name", (golden) => {
    it("has the logits of transformers at every position", async () => {
      const loaded = await loadModel(golden.folder, { device });
      const actual = await logitsOf(loaded.model, device, golden.ids);
      expect(distance(actual, golden.logits)).toBeLessThanOrEqual(TOLERANCE);
      loaded.dispose();
    });

    it("continues greedily as transformers does, from a paged cache filled in chunks", async () => {
      const loaded = await loadModel(golden.folder, { device });
      expect(await continueGreedily(loaded.model, device, golden)).toEqual(golden.greedy.ids);
      loaded.dispose();
    });

    it.each(faults.filter((fault) => fault.applies(configs.get(golden.name)!)))(
      "does not pass with $name",
      async (fault) => {
        await withFault(fault, golden.folder, async (folder) => {
          const loaded = await loadModel(folder, { device });
          expect(agrees(await logitsOf(loaded.model, device, golden.ids), golden)).toBe(false);
          loaded.dispose();
        });
      },
    );

    it("does not pass with positions off by one", async () => {
      const loaded = await loadModel(golden.folder, { device });
      // RoPE sees only differences of positions, so there the slip has to come midway.
      const from = golden.name === "gpt2" ? 0 : golden.ids.length / 2;
      const positions = Int32Array.from(golden.ids, (_, i) => (i < from ? i : i + 1));
      expect(agrees(await logitsOf(loaded.model, device, golden.ids, positions), golden)).toBe(false);
      loaded.dispose();
    });
  });
});
