import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DType, elementsOf, encode, reference, type Shape, type TensorSource } from "@whittle/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { architectures, type BuiltModel } from "./architectures/architecture.js";
import { logitsOf, rowsOf, tinyConfigs } from "./architectures/tiny-model.js";
import { loadModel } from "./load-model.js";
import { configFiles, writeModelFolder } from "./test-model-folder.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-model-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Stored = Map<string, { shape: Shape; dtype: DType }>;

/** Writes a model folder; `change` may spoil the list of tensors. */
async function write(
  architecture: "llama" | "gpt2",
  change: (tensors: Stored) => void = () => undefined,
  options: { tied?: boolean; maxShardBytes?: number } = {},
): Promise<void> {
  const tied = options.tied ?? architecture === "gpt2";
  const parameters = architectures[architecture].parameters({ ...tinyConfigs[architecture], tieWordEmbeddings: tied });
  const tensors: Stored = new Map([...parameters].map(([name, shape]) => [name, { shape, dtype: "f32" }]));
  change(tensors);
  const sources = [...tensors].map(([name, { shape, dtype }], n): TensorSource => ({
    name,
    shape,
    dtype,
    bytes: () =>
      encode(
        dtype,
        Float32Array.from({ length: elementsOf(shape) }, (_, i) => Math.sin(n + i * 1.7)),
      ),
  }));
  await writeModelFolder(folder, { ...configFiles[architecture], tie_word_embeddings: tied }, sources, options);
}

const rename = (from: string, to: string) => (tensors: Stored) => {
  const entries = [...tensors].map(
    ([name, tensor]) => [name.startsWith(from) ? to + name.slice(from.length) : name, tensor] as const,
  );
  tensors.clear();
  for (const [name, tensor] of entries) tensors.set(name, tensor);
};

async function logits(): Promise<number[][]> {
  const device = reference();
  const { model } = await loadModel(folder, { device });
  return logitsOf(model as BuiltModel, device, rowsOf(device, [[1, 2, 3]]));
}

describe("a folder", () => {
  it("gives a model with all that came with it, and its memory back", async () => {
    await write("llama");
    await writeFile(join(folder, "generation_config.json"), JSON.stringify({ temperature: 0.5 }));
    const device = reference();
    const progress: number[] = [];
    const loaded = await loadModel(folder, { device, onProgress: ({ done, total }) => progress.push(done / total!) });
    expect(loaded).toMatchObject({
      path: folder,
      config: { architecture: "llama", layers: 3 },
      generationConfig: { temperature: 0.5 },
    });
    expect(folder.endsWith(loaded.name)).toBe(true);
    expect(loaded.model.shape).toMatchObject({ vocabSize: 23, hiddenSize: 12, maxPositions: 64 });
    expect(loaded.tokenizer.encode("a").length).toBeGreaterThan(0);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((x, y) => x - y));
    expect(device.memory().live).toBeGreaterThan(0);
    loaded.dispose();
    loaded.dispose();
    expect(device.memory().live).toBe(0);
  });

  it.each([
    ["llama", "model."],
    ["gpt2", "transformer."],
  ] as const)("of %s may leave out the prefix, or come in shards", async (architecture, prefix) => {
    await write(architecture);
    const whole = await logits();
    await write(architecture, rename(prefix, ""));
    expect(await logits()).toEqual(whole);
    await rm(join(folder, "model.safetensors"));
    await write(architecture, undefined, { maxShardBytes: 3000 });
    expect(await logits()).toEqual(whole);
    expect(new Set(whole.flat()).size).toBeGreaterThan(60);
  });

  it.each(["f16", "bf16"] as const)("may hold weights in %s", async (dtype) => {
    await write("llama", (tensors) => tensors.forEach((tensor) => (tensor.dtype = dtype)));
    const device = reference();
    const { model } = await loadModel(folder, { device });
    expect(model.linears.get("head")!.weight).toMatchObject({ dtype });
    expect((await logits()).flat().every(Number.isFinite)).toBe(true);
  });

  it.each([
    ["f32", "bf16", "f32"],
    ["stored", "bf16", "bf16"],
    ["stored", "f16", "f16"],
    ["stored", "f32", "f32"],
  ] as const)("is computed in what a device prefers (%s) of weights in %s: %s", async (preferred, stored, expected) => {
    // The norms stay f32, as in many checkpoints; they are few.
    await write("llama", (tensors) =>
      tensors.forEach((tensor, name) => (tensor.dtype = name.includes("norm") ? "f32" : stored)),
    );
    const device = Object.assign(reference(), { preferredActivations: preferred });
    const { activations, model } = await loadModel(folder, { device });
    expect(activations).toBe(expected);
    expect(model.embed(rowsOf(device, [[1]])).dtype).toBe(expected);
  });

  it("is computed in what is asked for, if the device can", async () => {
    await write("gpt2");
    const device = reference();
    const { model, activations } = await loadModel(folder, { device, activations: "bf16" });
    expect(activations).toBe("bf16");
    expect(model.embed(rowsOf(device, [[1]])).dtype).toBe("bf16");
    const plain = Object.assign(reference(), { name: "plain", activationDTypes: ["f32"] as const });
    await expect(loadModel(folder, { device: plain, activations: "f16" })).rejects.toThrow(
      'the device "plain" computes in f32, not in f16',
    );
    const preferring = Object.assign(plain, { preferredActivations: "stored" as const });
    expect((await loadModel(folder, { device: preferring })).activations).toBe("f32");
  });

  it("keeps quiet about what is known to be needless, and warns of the rest", async () => {
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => void warnings.push(message), error() {} };
    const extra =
      (...names: string[]) =>
      (tensors: Stored) =>
        names.forEach((name) => tensors.set(name, { shape: [1], dtype: "f32" }));
    await write("llama", extra("model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight"), { tied: true });
    await loadModel(folder, { device: reference(), logger });
    await write("gpt2", extra("transformer.h.0.attn.bias", "transformer.h.1.attn.masked_bias", "lm_head.weight"));
    await loadModel(folder, { device: reference(), logger });
    expect(warnings.filter((warning) => warning.includes("stored tensors"))).toEqual([]);
    await write("gpt2", extra("score.weight", "transformer.h.9.ln_1.weight"));
    await loadModel(folder, { device: reference(), logger });
    expect(warnings.find((warning) => warning.includes("stored tensors"))).toContain(
      "does not use 2 of the stored tensors: score.weight, transformer.h.9.ln_1.weight",
    );
  });
});

describe("is a clear error", () => {
  const fails = (device = reference(), signal?: AbortSignal) =>
    expect(loadModel(folder, { device, ...(signal && { signal }) })).rejects;

  it("if there is no folder, or a file", async () => {
    await write("llama");
    await expect(loadModel(join(folder, "none"), { device: reference() })).rejects.toMatchObject({
      code: "checkpoint",
      message: expect.stringContaining("no such folder"),
    });
    await expect(loadModel(join(folder, "config.json"), { device: reference() })).rejects.toThrow(
      "model folder or a .gguf file was expected",
    );
  });

  it.each([
    ["config.json", "config"],
    ["tokenizer.json", "tokenizer"],
    ["model.safetensors", "checkpoint"],
  ])("without %s", async (file, code) => {
    await write("llama");
    await rm(join(folder, file));
    await fails().toMatchObject({ code, message: expect.stringContaining(file) });
  });

  it("naming all tensors that are missing or do not fit", async () => {
    await write("llama", (tensors) => {
      tensors.delete("lm_head.weight");
      tensors.delete("model.layers.1.mlp.up_proj.weight");
      tensors.get("model.norm.weight")!.shape = [13];
      tensors.get("model.embed_tokens.weight")!.dtype = "i32";
    });
    await fails().toThrow(
      "of 42 tensors 2 are missing: lm_head.weight, model.layers.1.mlp.up_proj.weight; 1 is of another shape: model.norm.weight [13], expected [12]; " +
        "1 is of a dtype that cannot be used: model.embed_tokens.weight I32",
    );
  });

  it("naming the first of many", async () => {
    await write("llama", (tensors) => tensors.clear());
    await fails().toThrow(/42 are missing: (.+, ){7}.+ and 34 more$/);
  });

  it("leaving nothing in memory if it comes late or the loading is called off", async () => {
    await write("gpt2");
    const small = reference({ memoryBytes: 4000 });
    await fails(small).toMatchObject({ code: "out_of_memory" });
    expect(small.memory().live).toBe(0);
    const device = reference();
    const reason = new Error("called off");
    const controller = new AbortController();
    const loading = loadModel(folder, {
      device,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
    expect(device.memory().live).toBe(0);
  });
});
