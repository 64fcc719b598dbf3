import { type ModelConfig } from "../model-config.js";
import { type Fields } from "./fields.js";
import { HEADS, LAYERS, POSITIONS, VOCABULARY, WIDTH, commonFields } from "./limits.js";

const ACTIVATIONS = {
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  gelu: "gelu",
} as const;

/** GPT-2: learned positions, LayerNorm, fused query/key/value, biases everywhere. */
export function parseGpt2(fields: Fields): ModelConfig {
  const hiddenSize = fields.integer("n_embd", WIDTH);
  const heads = fields.integer("n_head", HEADS);
  if (hiddenSize % heads !== 0) fields.fail("n_head", `a divisor of n_embd (${hiddenSize})`);
  if (!fields.boolean("scale_attn_weights", true)) fields.fail("scale_attn_weights", "true");
  if (fields.boolean("scale_attn_by_inverse_layer_idx", false)) fields.fail("scale_attn_by_inverse_layer_idx", "false");
  if (fields.boolean("add_cross_attention", false)) fields.fail("add_cross_attention", "false");
  const names = Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[];
  return {
    architecture: "gpt2",
    vocabSize: fields.integer("vocab_size", VOCABULARY),
    hiddenSize,
    intermediateSize: fields.integer("n_inner", { ...WIDTH, fallback: 4 * hiddenSize }),
    layers: fields.integer("n_layer", LAYERS),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    maxPositions: fields.integer("n_positions", { ...POSITIONS, fallback: 1024 }),
    normEpsilon: fields.number("layer_norm_epsilon", { min: 0, max: 1, fallback: 1e-5 }),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", true),
    attentionBias: true,
    mlpBias: true,
    activation: ACTIVATIONS[fields.oneOf("activation_function", names, "gelu_new")],
    ...commonFields(fields),
  };
}
