import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { elementsOf, encode, reference, type Shape } from "@whittle/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parameterShapes } from "../architectures/architecture.js";
import { type BuiltModel } from "../architectures/architecture.js";
import { logitsOf, rowsOf } from "../architectures/tiny-model.js";
import { loadModel } from "../load-model.js";
import { type ModelConfig } from "../model-config.js";
import { type GgmlTypeName, ggmlTypes } from "./ggml-types.js";
import { ggufTensorName } from "./tensor-names.js";
import { type GgufField, type GgufTensorSource, writeGguf } from "./write-gguf.js";

const config: ModelConfig = {
  architecture: "llama",
  vocabSize: 9,
  hiddenSize: 64,
  intermediateSize: 96,
  layers: 1,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  maxPositions: 32,
  normEpsilon: 1e-5,
  tieWordEmbeddings: true,
  eosTokenIds: [],
  rope: { theta: 10_000 },
  attentionBias: false,
  mlpBias: false,
  activation: "silu",
};

const metadata = {
  "general.architecture": "llama",
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 96,
  "llama.block_count": 1,
  "llama.context_length": 32,
  "llama.attention.head_count": 4,
  "llama.attention.head_count_kv": 2,
  "llama.attention.layer_norm_rms_epsilon": { float: 1e-5 },
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "gpt-2",
  "tokenizer.ggml.tokens": ["a", "b", "c", "d", "e", "f", "g", "h", "<|end|>"],
  "tokenizer.ggml.token_type": Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 3),
  "tokenizer.ggml.eos_token_id": 8,
} satisfies Record<string, GgufField>;

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-gguf-model-"));
  file = join(folder, "tiny.gguf");
});
afterEach(() => rm(folder, { recursive: true }));

/** Any bytes, but f32 of ordinary size and blocks with scales (and, in q4_1, minima) of 2⁻⁶. */
function contentOf(type: GgmlTypeName, shape: Shape, seed: number): Uint8Array {
  const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => Math.sin(seed + 1.7 * i));
  if (type === "f32" || type === "q8_0") return encode(type, values);
  const { elements, bytes } = ggmlTypes[type];
  const content = Uint8Array.from({ length: (values.length / elements) * bytes }, (_, i) => (31 * i + seed) % 251);
  for (let block = 0; block < content.length; block += bytes) content.set([0, 0x24, 0, 0x24], block);
  return content;
}

function tensorsOf(typeOf: (name: string) => GgmlTypeName = () => "f32"): GgufTensorSource[] {
  return [...parameterShapes(config)].map(([parameter, shape], seed) => {
    const name = ggufTensorName("llama", parameter);
    const type = shape.length === 1 ? "f32" : typeOf(name);
    return { name, type, shape, bytes: () => contentOf(type, shape, seed) };
  });
}

const write = (change: Record<string, GgufField | undefined> = {}, tensors = tensorsOf()) => {
  const entries = Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== undefined);
  return writeGguf(file, tensors, { metadata: Object.fromEntries(entries) as Record<string, GgufField> });
};

describe("a GGUF file", () => {
  it("gives a model with all that came in it, and its memory back", async () => {
    await write({ "tokenizer.chat_template": "{{ messages[0].content }}" });
    const device = reference();
    const loaded = await loadModel(file, { device });
    expect(loaded).toMatchObject({ name: "tiny", path: file, conversions: [], generationConfig: { eosTokenIds: [] } });
    expect(loaded.config).toEqual({ ...config, eosTokenIds: [8] });
    expect([...loaded.tokenizer.encode("cab")]).toEqual([2, 0, 1]);
    expect(loaded.chatTemplate!.render([{ role: "user", content: "x" }])).toBe("x");
    loaded.dispose();
    expect(device.memory().live).toBe(0);
  });

  it("may stand for its folder", async () => {
    await write();
    expect((await loadModel(folder, { device: reference() })).name).toBe("tiny");
    await cp(file, join(folder, "other.gguf"));
    await expect(loadModel(folder, { device: reference() })).rejects.toThrow(
      /holds 2 GGUF models: name one of other.gguf, tiny.gguf/,
    );
  });

  it("may come in parts", async () => {
    const tensors = tensorsOf();
    const part = (no: number) => join(folder, `tiny-0000${no}-of-00002.gguf`);
    for (const no of [1, 2])
      await writeGguf(part(no), no === 1 ? tensors.slice(0, 4) : tensors.slice(4), {
        metadata: { ...metadata, "split.no": no - 1, "split.count": 2 },
      });
    const loaded = await loadModel(folder, { device: reference() });
    expect(loaded.name).toBe("tiny");
    await write();
    const device = reference();
    const logits = async (path: string) =>
      logitsOf((await loadModel(path, { device })).model as BuiltModel, device, rowsOf(device, [[1, 2, 3]]));
    expect(await logits(part(1))).toEqual(await logits(file));
  });

  it("has weights converted that no device computes with, and says so once", async () => {
    const types: Record<string, GgmlTypeName> = { "blk.0.attn_q.weight": "q5_0", "blk.0.ffn_up.weight": "q4_1" };
    await write(
      {},
      tensorsOf((name) => types[name] ?? (name.startsWith("blk.0.attn") ? "q5_0" : "q8_0")),
    );
    const device = reference();
    const said: string[] = [];
    const logger = { debug() {}, info: (text: string) => said.push(text), warn: expect.unreachable, error() {} };
    const loaded = await loadModel(file, { device, logger, int8Activations: true });
    expect(loaded.conversions).toEqual([
      { from: "q5_0", to: "q8_0", exact: true, tensors: 4 },
      { from: "q4_1", to: "f16", exact: false, tensors: 1 },
    ]);
    expect(said).toEqual([
      `${file}: weights of types that no device computes with were converted: 4 of q5_0 as q8_0 (exactly); 1 of q4_1 as f16, rounded`,
    ]);
    const kinds = [...loaded.model.linears].map(([site, { rounding }]) => [site, rounding === "q8"]);
    expect(kinds).toEqual(kinds.map(([site]) => [site, site !== "layers.0.mlp.up"]));
    const logits = await logitsOf(loaded.model as BuiltModel, device, rowsOf(device, [[1, 2, 3]]));
    expect(logits.flat().every(Number.isFinite)).toBe(true);
    const { live } = device.memory();
    const again = await loadModel(file, { device });
    again.dispose();
    expect(device.memory().live).toBe(live);
  });

  it("has RoPE slowed down by factors, or all alike", async () => {
    const factors = Float32Array.of(1, 1, 1, 2, 2, 4, 4, 4);
    const tensor = { name: "rope_freqs.weight", type: "f32", shape: [8], bytes: () => encode("f32", factors) } as const;
    await write({}, [...tensorsOf(), tensor]);
    const { rope } = (await loadModel(file, { device: reference() })).config;
    expect(rope).toEqual({ theta: 10_000, scaling: { type: "factors", factors } });
    await write({ "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": { float: 2.5 } });
    expect((await loadModel(file, { device: reference() })).config.rope!.scaling).toEqual({
      type: "linear",
      factor: 2.5,
    });
    await write({ "llama.rope.scale_linear": { float: 4 } });
    expect((await loadModel(file, { device: reference() })).config.rope!.scaling).toEqual({
      type: "linear",
      factor: 4,
    });
  });

  it.each<[string, Record<string, GgufField | undefined>, string]>([
    [
      "another architecture",
      { "general.architecture": "mamba" },
      `"general.architecture" is "mamba"; expected "llama"`,
    ],
    ["no architecture", { "general.architecture": undefined }, `"general.architecture" is missing`],
    ["another width", { "llama.embedding_length": 32 }, "the width of token_embd.weight, 64"],
    ["no layers", { "llama.block_count": undefined }, `"llama.block_count" is missing; expected an integer`],
    [
      "more layers",
      { "llama.block_count": 2 },
      "do not fit its metadata; of 20 tensors 9 are missing: blk.1.attn_norm",
    ],
    ["odd heads", { "llama.attention.head_count_kv": 3 }, "a divisor of the 4 heads"],
    ["experts", { "llama.expert_count": 8 }, "mixtures of experts are not supported"],
    ["part of a head rotated", { "llama.rope.dimension_count": 8 }, "the heads' dimension, 16"],
    ["yarn", { "llama.rope.scaling.type": "yarn" }, `"llama.rope.scaling.type" is "yarn"`],
    ["a text for a number", { "llama.context_length": "long" }, `"llama.context_length" is "long"`],
  ])("with %s is refused", async (_name, change, message) => {
    await write(change);
    const failure = loadModel(file, { device: reference() });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow(file);
  });

  it("with tensors of types that cannot be read is refused, with others besides warned of", async () => {
    const odd: GgufTensorSource = { name: "odd.weight", type: "i64", shape: [1], bytes: () => new Uint8Array(8) };
    await write({}, [...tensorsOf(), odd]);
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (text: string) => warnings.push(text), error() {} };
    await loadModel(file, { device: reference(), logger });
    expect(warnings).toEqual([`${file}: the model does not use 1 of the stored tensors: odd.weight`]);
    const mxfp4 = tensorsOf((name) => (name === "blk.0.ffn_up.weight" ? "mxfp4" : "f32"));
    await write({}, mxfp4);
    await expect(loadModel(file, { device: reference() })).rejects.toThrow(
      "1 is of a dtype that cannot be used: blk.0.ffn_up.weight mxfp4",
    );
    await writeGguf(file, [], { metadata });
    await expect(loadModel(file, { device: reference() })).rejects.toThrow("holds no token_embd.weight");
  });
});

it("the tokenizer.json beside a file is used where the file has none", async () => {
  await write({ "tokenizer.ggml.model": "bert" });
  const tokenizer = fileURLToPath(new URL("../../fixtures/tokenizers/byte-level/tokenizer.json", import.meta.url));
  await cp(tokenizer, join(folder, "tokenizer.json"));
  expect((await loadModel(file, { device: reference() })).tokenizer.vocabSize).toBeGreaterThan(300);
});
