import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Device } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allLogits, chunkedLogits, greedy, type GreedyJob } from "./greedy.js";

const goldens = fileURLToPath(new URL("../../fixtures/goldens/", import.meta.url));
const books = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const models = [
  ...[...readdirSync(goldens).map((name) => goldens + name), books].map((folder) => ({ folder, options: {} })),
  { folder: books, options: { bf16Activations: true } },
];

/** Prompts of many lengths, whose ids follow from their place. */
const jobs = (vocabSize: number): GreedyJob[] =>
  [1, 2, 7, 16, 33, 40].map((length, n) => ({
    prompt: Array.from({ length }, (_, i) => (17 * n + 5 * i * i + i) % vocabSize),
    tokens: 12 + n,
  }));

describe.each(cpuInfo().isas)("on cpu({ isa: %j })", (isa) => {
  // All but rounded products runs as built for AVX-512.
  const own = ["avx512bf16", "amx"].includes(isa)
    ? models.filter(({ options }) => "bf16Activations" in options)
    : models;
  describe.each(own)("$folder, $options", ({ folder, options: how }) => {
    let device: Device;
    let loaded: LoadedModel;
    let alone: number[][];
    const cache = floatCache({ blockSize: 16 });

    beforeAll(async () => {
      device = await cpu({ isa, threads: 1 });
      loaded = await loadModel(folder, { device, ...how });
      alone = [];
      for (const job of jobs(loaded.config.vocabSize))
        alone.push(...(await greedy(loaded.model, device, [job], { cache })));
    });
    afterAll(() => device.close());

    it("gives each prompt a text of its own", () => {
      expect(new Set(alone.map(String)).size).toBeGreaterThan(3);
    });

    it.each([
      ["batched", {}],
      ["batched, in chunks of 1", { chunk: 1 }],
      ["batched, in chunks of 5", { chunk: 5 }],
      ["batched, in blocks of 3", { cache: floatCache({ blockSize: 3 }) }],
      ["batched, padded to 64 rows", { padTo: 64 }],
    ])("is the same %s", async (_, options) => {
      expect(await greedy(loaded.model, device, jobs(loaded.config.vocabSize), { cache, ...options })).toEqual(alone);
    });

    it.each([2, 3])("is the same on %i threads", async (threads) => {
      const other = await cpu({ isa, threads });
      const { model, config } = await loadModel(folder, { device: other, ...how });
      expect(await greedy(model, other, jobs(config.vocabSize), { cache, chunk: 9 })).toEqual(alone);
      await other.close();
    });

    it("is the same from a rounded cache, whatever the batch", async () => {
      const rounded = { cache: floatCache({ dtype: "bf16", blockSize: 16 }) };
      const all = await greedy(loaded.model, device, jobs(loaded.config.vocabSize), { ...rounded, chunk: 6 });
      for (const [i, job] of jobs(loaded.config.vocabSize).entries()) {
        expect((await greedy(loaded.model, device, [job], rounded))[0]).toEqual(all[i]);
      }
    });

    it("gives the same bits at every position from a cache in chunks as at once without one", async () => {
      const ids = Array.from({ length: 50 }, (_, i) => (7 * i * i + 3) % loaded.config.vocabSize);
      const whole = await allLogits(loaded.model, device, ids);
      for (const chunk of [1, 8, 50])
        expect(await chunkedLogits(loaded.model, device, ids, { cache, chunk })).toEqual(whole);
    });
  });
});
