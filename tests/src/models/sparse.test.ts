import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Device, isTensor, reference } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { convertSparse, type LoadOptions, loadModel } from "@whittle/models";
import { floatCache } from "@whittle/kvcache";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chunkedLogits, greedy } from "./greedy.js";
import { pruneByMagnitude } from "./magnitude.js";

const original = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "whittle-sparse-"));
  await pruneByMagnitude(original, join(root, "pairs"));
  await pruneByMagnitude(original, join(root, "masked"), 0.6);
  await convertSparse(join(root, "pairs"), join(root, "pairs.sparse"), { format: "sparse24" });
  await convertSparse(join(root, "masked"), join(root, "masked.sparse"), { format: "sparseMask" });
});
afterAll(() => rm(root, { recursive: true }));

describe.each(cpuInfo().isas)("on %s", (isa) => {
  let device: Device;
  beforeAll(async () => {
    device = await cpu({ isa, memoryBytes: 2 ** 28 });
  });
  afterAll(() => device.close());

  /** The logits of a text, and what is written on from three prompts whose rows are mixed in the same steps. */
  async function resultsOf(folder: string, options: Omit<LoadOptions, "device"> = {}) {
    const loaded = await loadModel(join(root, folder), { device, ...options });
    const { model, tokenizer } = loaded;
    const cache = floatCache({ blockSize: 16 });
    const prompts = ["It was a dark night", "The", "She said that he had never been to London before"];
    const jobs = prompts.map((prompt) => ({ prompt: tokenizer.encode(prompt), tokens: 20 }));
    const logits = await chunkedLogits(model, device, [...jobs[2]!.prompt], { cache, chunk: 7 });
    const tokens = await greedy(model, device, jobs, { cache });
    const formats = [...model.linears.values()].map(({ weight }) =>
      isTensor(weight) ? weight.dtype : weight.format.name,
    );
    const before = device.memory().live;
    loaded.dispose();
    return { logits: [...logits], tokens, formats, sparsity: loaded.sparsity, freed: before - device.memory().live };
  }

  it.each([
    ["pairs", "sparse24"],
    ["masked", "sparseMask"],
  ] as const)("a %s model gives the logits and tokens of its matrices to the bit", async (folder, format) => {
    const dense = await resultsOf(folder);
    const stored = await resultsOf(`${folder}.sparse`);
    const packed = await resultsOf(folder, { weights: format });
    expect(new Set(dense.formats)).toEqual(new Set(["bf16"]));
    for (const { formats, logits, tokens } of [stored, packed]) {
      // All but the head, which is the embedding table.
      expect(formats.filter((name) => name === format).length).toBe(formats.length - 1);
      expect(tokens).toEqual(dense.tokens);
      expect(logits).toEqual(dense.logits);
    }
    expect(packed.freed - dense.freed).toBe(
      packed.sparsity!.sites.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0),
    );
  });
});

it("files are as much smaller as the format says", async () => {
  const sizeOf = async (folder: string) => (await stat(join(root, folder, "model.safetensors"))).size;
  const loaded = await loadModel(join(root, "pairs"), { device: reference(), weights: "sparse24" });
  const { sparsity } = loaded;
  const saved = sparsity!.sites.reduce((sum, { bytesBefore, bytesAfter }) => sum + bytesBefore - bytesAfter, 0);
  expect(sparsity!.sites.every(({ bytesBefore, bytesAfter }) => bytesAfter === (bytesBefore * 9) / 16)).toBe(true);
  // The header tells of more tensors.
  expect(Math.abs((await sizeOf("pairs")) - (await sizeOf("pairs.sparse")) - saved)).toBeLessThan(20_000);
  loaded.dispose();
});
