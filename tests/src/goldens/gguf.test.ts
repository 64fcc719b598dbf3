import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BlockDType,
  codecs,
  decode,
  type Device,
  encode,
  openCheckpoint,
  readTensorBytes,
  reference,
  type TensorSource,
  writeSafetensors,
} from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { convertToGguf, type ConvertOptions, loadModel, type LoadOptions } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byteLevelMetadata } from "./gguf-tokens.js";
import { continueGreedily, distance, goldenNames, logitsOf, readGolden, TOLERANCE } from "./golden.js";

const goldens = await Promise.all((await goldenNames()).map(readGolden));
const books = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const ids = Int32Array.of(17, 400, 3000, 12, 99, 2047);

let folder: string;
let native: Device;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-gguf-"));
  native = await cpu({ threads: 2, memoryBytes: 2 ** 28 });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await native.close();
});

/** The model as a GGUF file without a tokenizer, in a folder with the `tokenizer.json`. */
async function asGguf(source: string, options?: ConvertOptions): Promise<string> {
  const target = await mkdtemp(join(folder, "model-"));
  await cp(join(source, "tokenizer.json"), join(target, "tokenizer.json"));
  await convertToGguf(source, join(target, "model.gguf"), options);
  return target;
}

async function logits(path: string, device: Device, prompt: Int32Array, options: Omit<LoadOptions, "device"> = {}) {
  const loaded = await loadModel(path, { device, ...options });
  const values = await logitsOf(loaded.model, device, prompt);
  loaded.dispose();
  return values;
}

describe.each(goldens)("$name as GGUF", (golden) => {
  // Of LLaMA 3's scaling a file has a factor for each pair, rounded to f32; all else is the same to the bit.
  const same = golden.name !== "llama-rope-scaled";

  it("has the same logits as from safetensors, which are those of transformers, on the reference device", async () => {
    const path = await asGguf(golden.folder);
    const [prompt, device] = [golden.ids.subarray(0, 40), reference()];
    const [found, expected] = [await logits(path, device, prompt), await logits(golden.folder, device, prompt)];
    if (same) expect(found).toEqual(expected);
    else expect(distance(found, expected)).toBeLessThan(1e-5);
  });

  it("does so on the CPU, greedily too", async () => {
    const path = await asGguf(golden.folder);
    const found = await logits(path, native, golden.ids);
    if (same) expect(found).toEqual(await logits(golden.folder, native, golden.ids));
    expect(distance(found, golden.logits)).toBeLessThanOrEqual(TOLERANCE);
    const loaded = await loadModel(path, { device: native });
    expect(await continueGreedily(loaded.model, native, golden)).toEqual(golden.greedy.ids);
    expect(loaded).toMatchObject({ conversions: [], name: "model" });
    loaded.dispose();
  });
});

const rows = goldens.find(({ name }) => name === "llama-rope-scaled")!;

/** The folder's model with every matrix as this dtype makes it, in f32. */
async function decoded(source: string, dtype: "f16" | "bf16" | BlockDType): Promise<string> {
  const target = await mkdtemp(join(folder, "decoded-"));
  for (const file of ["config.json", "tokenizer.json"]) await cp(join(source, file), join(target, file));
  const { tensors } = await openCheckpoint(source);
  const sources = [...tensors].map(([name, tensor]): TensorSource => ({
    name,
    shape: tensor.shape,
    dtype: "f32",
    bytes: async () => {
      const values = decode(tensor.dtype!, await readTensorBytes(tensor)) as Float32Array;
      const fits = tensor.shape.length === 2 && tensor.shape[1]! % codecs[dtype].elements === 0;
      return encode("f32", fits ? (decode(dtype, encode(dtype, values)) as Float32Array) : values);
    },
  }));
  await writeSafetensors(join(target, "model.safetensors"), sources);
  return target;
}

it.each(["f16", "bf16", "q8_0", "q4_0"] as const)(
  "weights and embeddings in %s count as what they stand for: the same logits as from their f32 values",
  async (dtype) => {
    const [source, device] = [rows.folder, reference()];
    const prompt = rows.ids.subarray(0, 24);
    const path = await asGguf(source, { typeOf: () => dtype });
    const plain = await asGguf(await decoded(source, dtype));
    const expected = await logits(plain, device, prompt);
    expect(await logits(path, device, prompt)).toEqual(expected);
    expect(distance(await logits(path, native, prompt), expected)).toBeLessThan(1e-5);
    expect(distance(await logits(source, device, prompt), expected)).toBeGreaterThan(1e-5);
  },
);

describe("a model of 5 million parameters", () => {
  const linear = (parameter: string) => parameter.includes("layers");

  it.each(["q8_0", "q4_0", "q4_K", "q6_K"] as const)(
    "in %s is mapped, and computes as it does quantised on load",
    async (dtype) => {
      const path = await asGguf(books, { typeOf: (parameter) => (linear(parameter) ? dtype : "f32") });
      const before = native.memory();
      const loaded = await loadModel(path, { device: native });
      expect(native.memory().mapped - before.mapped).toBeGreaterThan(5e6);
      expect(native.memory().live - before.live).toBeLessThan(1000);
      expect(loaded.model.linears.get("layers.0.mlp.up")!.weight).toMatchObject({ dtype });
      loaded.dispose();
      // A head that is quantised on load is not the table any more: hidden states are compared, in which it has no part.
      expect(await hidden(path, {})).toEqual(await hidden(books, { weights: dtype }));
      const int8 = await hidden(path, { int8Activations: true });
      expect(int8).toEqual(await hidden(books, { weights: dtype, int8Activations: true }));
      expect(int8).not.toEqual(await hidden(path, {}));
    },
  );

  it("has its whole tokenizer in the file, and all of it in blocks", async () => {
    const file = join(folder, "books.gguf");
    const options: ConvertOptions = { typeOf: () => "q8_0", metadata: await byteLevelMetadata(books) };
    await convertToGguf(books, file, options);
    const [loaded, original] = await Promise.all([
      loadModel(file, { device: native }),
      loadModel(books, { device: native }),
    ]);
    for (const text of ["Once upon a time, there were 1,234 dragons; weren't there?\n\n  Ä 日本", " x", ""])
      expect(loaded.tokenizer.encode(text)).toEqual(original.tokenizer.encode(text));
    const chat = [{ role: "user", content: "Who goes there?<|endoftext|>" }];
    expect(loaded.tokenizer.encodeChat(chat)).toEqual(original.tokenizer.encodeChat(chat));
    expect(loaded.tokenizer.decode([500, 501, 502])).toBe(original.tokenizer.decode([500, 501, 502]));
    expect(loaded.tokenizer.eosIds).toEqual(original.tokenizer.eosIds);
    const [found, expected] = await Promise.all([loaded, original].map(({ model }) => logitsOf(model, native, ids)));
    expect(distance(found!, expected!)).toBeLessThan(0.02);
    loaded.dispose();
    original.dispose();
  });
});

async function hidden(path: string, options: Omit<LoadOptions, "device">): Promise<Float32Array> {
  const loaded = await loadModel(path, { device: native, ...options });
  const { model } = loaded;
  let state: Float32Array | undefined;
  const reads: Promise<void>[] = [];
  const last = model.shape.layers.length - 1;
  await logitsOf(
    Object.assign(Object.create(model), {
      forward: (...[batch, step]: Parameters<typeof model.forward>) =>
        model.forward(batch, step, {
          hidden: (layer, x) => {
            if (layer === last) reads.push(x.read().then((values) => void (state = values as Float32Array)));
          },
        }),
    }),
    native,
    ids,
  );
  await Promise.all(reads);
  loaded.dispose();
  return state!;
}
