import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Device, reference } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { type LoadOptions, loadModel, perplexity } from "@whittle/models";
import { afterAll, beforeAll, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const text = readFileSync(new URL("../../../LICENSE", import.meta.url), "utf8");

let device: Device;
beforeAll(async () => {
  device = await cpu({ threads: 2, memoryBytes: 2 ** 28 });
});
afterAll(() => device.close());

async function nllOf(options: Omit<LoadOptions, "device">): Promise<{ nll: number; error: number | undefined }> {
  const loaded = await loadModel(folder, { device, ...options });
  const ids = loaded.tokenizer.encode(text).subarray(0, 600);
  const { nll } = await perplexity(loaded, ids, { window: 300 });
  loaded.dispose();
  return { nll, error: loaded.quantisation?.relativeError };
}

it("a quantised model scores a text nearly as well: q8_0 and q6_K within 0.5 %, q4_0 and q4_K within 5 %", async () => {
  const stored = await nllOf({});
  expect(stored.error).toBeUndefined();
  for (const [weights, share, errors] of [
    ["q8_0", 0.005, [0.003, 0.01]],
    ["q4_0", 0.05, [0.05, 0.12]],
    ["q4_K", 0.05, [0.04, 0.08]],
    ["q6_K", 0.005, [0.01, 0.02]],
  ] as const) {
    const exact = await nllOf({ weights });
    const int8 = await nllOf({ weights, int8Activations: true });
    for (const { nll, error } of [exact, int8]) {
      expect(Math.abs(nll / stored.nll - 1)).toBeLessThan(share);
      expect(nll).not.toBe(stored.nll);
      expect(error).toBeGreaterThan(errors[0]);
      expect(error).toBeLessThan(errors[1]);
    }
    // Another computation, hardly another result.
    expect(int8.nll).not.toBe(exact.nll);
    expect(Math.abs(int8.nll / exact.nll - 1)).toBeLessThan(0.005);
  }
});

it("rounding activations to bf16 hardly changes the score of a text", async () => {
  const exact = await nllOf({});
  const rounded = await nllOf({ bf16Activations: true });
  expect(rounded.nll).not.toBe(exact.nll);
  expect(Math.abs(rounded.nll / exact.nll - 1)).toBeLessThan(0.002);
});

it("gives all memory back", async () => {
  const before = device.memory();
  const loaded = await loadModel(folder, { device, weights: "q4_0" });
  expect(device.memory().live).toBeGreaterThan(before.live);
  loaded.dispose();
  expect(device.memory().live).toBe(before.live);
});

it("activations of 8 bits need f32", async () => {
  await expect(
    loadModel(folder, { device: reference(), weights: "q8_0", activations: "bf16", int8Activations: true }),
  ).rejects.toThrow("int8Activations need f32 activations");
});
