import { CheckpointError, decode, formatShape, readTensorBytes } from "@whittle/core";
import { Fields } from "../config/fields.js";
import { HEADS, LAYERS, POSITIONS, VOCABULARY, WIDTH } from "../config/limits.js";
import { type RopeConfig, type RopeScaling } from "../config/rope.js";
import { type ModelConfig } from "../model-config.js";
import { type Gguf } from "./open-gguf.js";

/**
 * What a file's metadata says of its model.
 * @throws ConfigError naming the key, what came and what was expected; CheckpointError for a tensor that the configuration needs.
 */
export async function readGgufConfig(gguf: Gguf): Promise<ModelConfig> {
  const fields = new Fields(gguf.path, Object.fromEntries(gguf.metadata));
  switch (fields.oneOf("general.architecture", ["llama", "gpt2"], undefined)) {
    case "llama":
      return llamaConfig(gguf, fields);
    case "gpt2":
      return gpt2Config(gguf, fields);
  }
}

async function llamaConfig(gguf: Gguf, fields: Fields): Promise<ModelConfig> {
  const common = commonConfig(gguf, fields, "llama");
  const { heads, hiddenSize } = common;
  const kvHeads = fields.integer("llama.attention.head_count_kv", { ...HEADS, fallback: heads });
  if (heads % kvHeads !== 0) fields.fail("llama.attention.head_count_kv", `a divisor of the ${heads} heads`);
  if (fields.integer("llama.expert_count", { min: 0, fallback: 0 }) > 0)
    fields.fail("llama.expert_count", "none (mixtures of experts are not supported)");
  if (!fields.has("llama.attention.key_length") && hiddenSize % heads !== 0)
    fields.fail("llama.attention.head_count", `a divisor of the embedding's ${hiddenSize}, as key_length is not given`);
  const headDim = fields.integer("llama.attention.key_length", { min: 1, max: 8192, fallback: hiddenSize / heads });
  if (headDim % 2 !== 0)
    fields.refuse(`the head dimension is ${headDim}; expected an even number, as RoPE rotates pairs`);
  for (const key of ["llama.attention.value_length", "llama.rope.dimension_count"])
    if (fields.integer(key, { fallback: headDim }) !== headDim) fields.fail(key, `the heads' dimension, ${headDim}`);
  return {
    ...common,
    architecture: "llama",
    kvHeads,
    headDim,
    normEpsilon: decimal(fields.number("llama.attention.layer_norm_rms_epsilon", { min: 0, max: 1, fallback: 1e-5 })),
    rope: await ropeConfig(gguf, fields, headDim),
    attentionBias: gguf.tensors.has("blk.0.attn_q.bias"),
    mlpBias: gguf.tensors.has("blk.0.ffn_gate.bias"),
    activation: "silu",
  };
}

function gpt2Config(gguf: Gguf, fields: Fields): ModelConfig {
  const common = commonConfig(gguf, fields, "gpt2");
  const { heads, hiddenSize } = common;
  if (hiddenSize % heads !== 0) fields.fail("gpt2.attention.head_count", `a divisor of the embedding's ${hiddenSize}`);
  return {
    ...common,
    architecture: "gpt2",
    kvHeads: heads,
    headDim: hiddenSize / heads,
    normEpsilon: decimal(fields.number("gpt2.attention.layer_norm_epsilon", { min: 0, max: 1, fallback: 1e-5 })),
    attentionBias: true,
    mlpBias: true,
    activation: "geluTanh",
  };
}

function commonConfig({ path, tensors }: Gguf, fields: Fields, prefix: string) {
  const embedding = tensors.get("token_embd.weight");
  if (!embedding) throw new CheckpointError(path, "holds no token_embd.weight");
  const [vocabSize, hiddenSize] = embedding.shape;
  if (embedding.shape.length !== 2 || vocabSize! > VOCABULARY.max)
    throw new CheckpointError(
      path,
      `token_embd.weight is ${formatShape(embedding.shape)}; expected [vocabulary, width]`,
    );
  if (fields.integer(`${prefix}.embedding_length`, WIDTH) !== hiddenSize)
    fields.fail(`${prefix}.embedding_length`, `the width of token_embd.weight, ${hiddenSize}`);
  const special = (name: string) => fields.tokenIds(`tokenizer.ggml.${name}_token_id`);
  const bosTokenId = special("bos")[0];
  return {
    vocabSize: vocabSize!,
    hiddenSize: hiddenSize!,
    intermediateSize: fields.integer(`${prefix}.feed_forward_length`, WIDTH),
    layers: fields.integer(`${prefix}.block_count`, LAYERS),
    heads: fields.integer(`${prefix}.attention.head_count`, HEADS),
    maxPositions: fields.integer(`${prefix}.context_length`, POSITIONS),
    tieWordEmbeddings: !tensors.has("output.weight"),
    ...(bosTokenId !== undefined && { bosTokenId }),
    eosTokenIds: [...new Set(["eos", "eot", "eom"].flatMap(special))],
  };
}

/** `rope_freqs.weight`, which LLaMA 3.1 and later have, says how much slower each pair turns. */
async function ropeConfig(gguf: Gguf, fields: Fields, headDim: number): Promise<RopeConfig> {
  const theta = decimal(fields.number("llama.rope.freq_base", { above: 0, max: 1e12, fallback: 10_000 }));
  const scaling = await ropeScaling(gguf, fields, headDim);
  return scaling ? { theta, scaling } : { theta };
}

async function ropeScaling(gguf: Gguf, fields: Fields, headDim: number): Promise<RopeScaling | undefined> {
  const kind = fields.oneOf("llama.rope.scaling.type", ["none", "linear"], "none");
  // Older files have the second key alone.
  const older = fields.number("llama.rope.scale_linear", { above: 0, max: 1e6, fallback: 1 });
  const factor = decimal(fields.number("llama.rope.scaling.factor", { above: 0, max: 1e6, fallback: older }));
  const linear = (kind === "linear" || older !== 1) && factor !== 1 ? factor : undefined;
  const tensor = gguf.tensors.get("rope_freqs.weight");
  if (!tensor) return linear === undefined ? undefined : { type: "linear", factor: linear };
  if (linear !== undefined) fields.refuse(`scales RoPE both by rope_freqs.weight and by ${linear}; expected one`);
  if (tensor.dtype !== "f32" || formatShape(tensor.shape) !== formatShape([headDim / 2]))
    throw new CheckpointError(
      tensor.file,
      `rope_freqs.weight is ${formatShape(tensor.shape)} ${tensor.storedAs}; expected [${headDim / 2}] f32`,
    );
  const factors = decode("f32", await readTensorBytes(tensor)) as Float32Array;
  if (!factors.every((value) => value > 0 && Number.isFinite(value)))
    throw new CheckpointError(tensor.file, "rope_freqs.weight has factors that are not above 0");
  return factors.every((value) => value === 1) ? undefined : { type: "factors", factors };
}

/** The shortest decimal that an f32 number stands for: files have 1e-5 as f32, other checkpoints as text. */
function decimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
