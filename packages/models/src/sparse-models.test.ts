import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  elementsOf,
  encode,
  isTensor,
  openCheckpoint,
  philox,
  readTensorBytes,
  reference,
  type TensorSource,
  uniform,
} from "@whittle/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { architectures, type BuiltModel } from "./architectures/architecture.js";
import { logitsOf, rowsOf, tinyConfigs } from "./architectures/tiny-model.js";
import { convertSparse } from "./convert-sparse.js";
import { loadModel, type LoadOptions } from "./load-model.js";
import { configFiles, writeModelFolder } from "./test-model-folder.js";

const { llama } = architectures;

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "whittle-sparse-"));
  folder = join(root, "pruned");
  await writePruned(folder);
});
afterEach(() => rm(root, { recursive: true }));

/** A model of bf16 whose projections keep two of each four, but for those of its first layer, which keep all. */
async function writePruned(path: string, change: (tensors: TensorSource[]) => void = () => undefined): Promise<void> {
  let seed = 0;
  const tensors = [...llama.parameters(tinyConfigs.llama)].map(([name, shape]): TensorSource => {
    const stream = seed++;
    const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => {
      const [word] = philox([i, stream, 0, 0], [5, 6]);
      const [group] = philox([i >> 2, stream, 1, 0], [5, 6]);
      const kept = !llama.isLinear!(name) || name.includes("layers.0.") || ((i & 3) + group) % 4 < 2;
      return kept ? (2 * uniform(word) - 1) * 1.2 : 0;
    });
    return { name, shape, dtype: "bf16", bytes: () => encode("bf16", values).slice() };
  });
  change(tensors);
  await writeModelFolder(path, configFiles.llama, tensors);
}

async function logitsFrom(path: string, options: Partial<LoadOptions> = {}): Promise<number[]> {
  const device = reference();
  const loaded = await loadModel(path, { device, ...options });
  const values = (await logitsOf(loaded.model as BuiltModel, device, rowsOf(device, [[1, 5, 9, 2, 22]]))).flat();
  const { live } = device.memory();
  loaded.dispose();
  expect(device.memory().live).toBeLessThan(live);
  return values;
}

/** Formats by site: what a model's layers have come to have. */
async function formatsOf(path: string, options: Partial<LoadOptions> = {}): Promise<Record<string, string>> {
  const { model } = await loadModel(path, { device: reference(), ...options });
  const weights = [...model.linears].map(
    ([site, { weight }]) => [site, isTensor(weight) ? weight.dtype : weight.format.name] as const,
  );
  return Object.fromEntries(weights);
}

describe.each(["sparse24", "sparseMask"] as const)("%s", (format) => {
  it("packs what fits when a checkpoint is loaded; the model computes what it did", async () => {
    const before = await logitsFrom(folder);
    expect(await logitsFrom(folder, { weights: format })).toEqual(before);
    const { sparsity } = await loadModel(folder, { device: reference(), weights: format });
    expect(sparsity!.sites.length).toBe(15);
    expect(sparsity!.kept.length).toBe(7);
    const reason = format === "sparse24" ? /groups of 4 have more than 2/ : /^only 0\.0 % of its elements are zero/;
    for (const { site, reason: given } of sparsity!.kept) {
      expect(site).toMatch(/^layers\.0\./);
      expect(given).toMatch(reason);
    }
    const down = sparsity!.sites.find(({ site }) => site === "layers.1.mlp.down")!;
    const bytes = 2 * 12 * 10 + (format === "sparse24" ? 12 * 3 : 12 * (3 + 4));
    expect(down).toEqual({
      site: "layers.1.mlp.down",
      shape: [12, 20],
      zeros: 0.5,
      bytesBefore: 480,
      bytesAfter: bytes,
    });
  });

  it("is written, loaded and put back whole, bit for bit", async () => {
    const [packed, dense] = [join(root, "packed"), join(root, "dense")];
    const report = await convertSparse(folder, packed, { format, maxShardBytes: 2000 });
    expect([report.sites.length, report.kept.length]).toEqual([15, 7]);
    expect((await formatsOf(packed))["layers.1.mlp.down"]).toBe(format);
    expect((await formatsOf(packed))["layers.0.mlp.down"]).toBe("bf16");
    expect(await logitsFrom(packed)).toEqual(await logitsFrom(folder));
    const back = await convertSparse(packed, dense, { format: "dense" });
    expect(back.sites.map(({ bytesAfter }) => bytesAfter)).toEqual(report.sites.map(({ bytesBefore }) => bytesBefore));
    const [first, last] = [await openCheckpoint(folder), await openCheckpoint(dense)];
    expect(last.metadata).toEqual({ format: "pt" });
    expect(last.tensors.size).toBe(first.tensors.size);
    for (const [name, tensor] of first.tensors)
      expect(await readTensorBytes(last.tensors.get(name)!), name).toEqual(await readTensorBytes(tensor));
  });

  it("may hold 8-bit codes", async () => {
    const packed = join(root, "packed");
    await convertSparse(folder, packed, { format, keptAs: "i8" });
    const [exact, coded] = [await logitsFrom(folder), await logitsFrom(packed)];
    expect(coded).not.toEqual(exact);
    coded.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(0.2));
  });
});

it("what is stored sparse is not quantised, and not packed anew", async () => {
  const packed = join(root, "packed");
  await convertSparse(folder, packed, { format: "sparse24" });
  const { sparsity } = await loadModel(packed, { device: reference(), weights: "sparseMask" });
  expect(sparsity!.kept.filter(({ reason }) => reason === "stored as sparse24").length).toBe(15);
  const { quantisation } = await loadModel(packed, { device: reference(), weights: "q8_0" });
  expect(quantisation!.kept.some(({ reason }) => reason === "stored as sparse24")).toBe(true);
});

it("a device without the op is named before anything is computed", async () => {
  const packed = join(root, "packed");
  await convertSparse(folder, packed, { format: "sparse24" });
  const device = reference();
  device.supports = () => false;
  for (const options of [{}, { weights: "sparse24" as const }])
    await expect(loadModel(packed, { device, ...options })).rejects.toThrow(
      /linear\.sparse24: the device "reference" has no kernel/,
    );
  expect(device.memory().live).toBe(0);
});

describe("files that lie", () => {
  it("a sparse weight that the model has not, cannot use, or has in another shape", async () => {
    const packed = join(root, "packed");
    await convertSparse(folder, packed, { format: "sparse24" });
    const file = join(packed, "model.safetensors");
    const text = (await readFile(file)).toString("latin1");
    const spoil = (from: string, to: string) => writeFile(file, text.replaceAll(from, to), "latin1");
    expect(text).toContain("layers.2.mlp.down_proj");
    await spoil("layers.2.mlp.down_proj", "layers.9.mlp.down_proj");
    await expect(loadModel(packed, { device: reference() })).rejects.toThrow(
      /layers\.9\.mlp\.down_proj\.weight is stored as sparse24 \[12, 20\], but a llama model has no such parameter/,
    );
    await spoil("x", "x");
    await writeFile(join(packed, "config.json"), JSON.stringify({ ...configFiles.llama, intermediate_size: 24 }));
    await expect(loadModel(packed, { device: reference() })).rejects.toThrow(
      /gate_proj\.weight is stored as sparse24 \[20, 12\], expected \[24, 12\]/,
    );
  });

  it("a file cut short", async () => {
    const packed = join(root, "packed");
    await convertSparse(folder, packed, { format: "sparseMask" });
    const file = join(packed, "model.safetensors");
    await truncate(file, (await readFile(file)).length - 1);
    await expect(loadModel(packed, { device: reference() })).rejects.toMatchObject({ code: "checkpoint" });
  });

  it("GPT-2's matrices lie the other way round; a folder that holds something is not written to", async () => {
    await expect(convertSparse(folder, folder, { format: "dense" })).rejects.toThrow(/is not empty/);
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ model_type: "gpt2", vocab_size: 23, n_embd: 12, n_layer: 1, n_head: 4, n_positions: 64 }),
    );
    await expect(convertSparse(folder, join(root, "out"), { format: "sparse24" })).rejects.toThrow(
      /gpt2 model, whose files hold matrices as \[in, out\]/,
    );
  });
});
