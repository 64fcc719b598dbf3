import { loadModel } from "@whittle/models";
import { describe, expect, it } from "vitest";
import { gpus, onEachDevice } from "../device/with-device.js";
import { continueGreedily, distance, goldenNames, logitsOf, readGolden, TOLERANCE } from "./golden.js";

const goldens = await Promise.all((await goldenNames()).map(readGolden));

/** In f32 a GPU says what the CPU and transformers say. */
onEachDevice(({ open }) => {
  describe.each(goldens)("$name in f32", (golden) => {
    it("has the logits of transformers at every position", async () => {
      const device = await open({ memoryBytes: 2 ** 28 });
      const { model } = await loadModel(golden.folder, { device, activations: "f32" });
      expect(distance(await logitsOf(model, device, golden.ids), golden.logits)).toBeLessThanOrEqual(TOLERANCE);
    });

    it("continues greedily as transformers does, from a paged cache filled in chunks", async () => {
      const device = await open({ memoryBytes: 2 ** 28 });
      const { model } = await loadModel(golden.folder, { device, activations: "f32" });
      expect(await continueGreedily(model, device, golden)).toEqual(golden.greedy.ids);
    });
  });
}, gpus);
