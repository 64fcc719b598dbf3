import { type ModelConfig } from "../model-config.js";
import { type Fields } from "./fields.js";
import { HEADS, LAYERS, POSITIONS, VOCABULARY, WIDTH, commonFields } from "./limits.js";
import { parseRope } from "./rope.js";

/** LLaMA 1 to 3 and Mistral, which differ only in what they leave out. */
export function parseLlama(fields: Fields): ModelConfig {
  const mistral = fields.raw("model_type") === "mistral";
  const hiddenSize = fields.integer("hidden_size", WIDTH);
  const heads = fields.integer("num_attention_heads", HEADS);
  const kvHeads = fields.integer("num_key_value_heads", { ...HEADS, fallback: mistral ? 8 : heads });
  if (heads % kvHeads !== 0) fields.fail("num_key_value_heads", `a divisor of num_attention_heads (${heads})`);
  if (!fields.has("head_dim") && hiddenSize % heads !== 0) {
    fields.fail("num_attention_heads", `a divisor of hidden_size (${hiddenSize}), as head_dim is not given`);
  }
  const headDim = fields.integer("head_dim", { min: 1, max: 8192, fallback: hiddenSize / heads });
  if (headDim % 2 !== 0)
    fields.refuse(`the head dimension is ${headDim}; expected an even number, as RoPE rotates pairs`);
  fields.oneOf("hidden_act", ["silu", "swish"], "silu"); // two names of one function

  const positions = fields.integer("max_position_embeddings", { ...POSITIONS, fallback: mistral ? 131_072 : 2048 });
  // Up to the length of the window, attention with a sliding window and without are the same: so far the model is supported.
  const window = slidingWindow(fields, mistral);
  return {
    architecture: "llama",
    vocabSize: fields.integer("vocab_size", VOCABULARY),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", WIDTH),
    layers: fields.integer("num_hidden_layers", LAYERS),
    heads,
    kvHeads,
    headDim,
    maxPositions: Math.min(positions, window ?? positions),
    ...(window === undefined ? {} : { slidingWindow: window }),
    normEpsilon: fields.number("rms_norm_eps", { min: 0, max: 1, fallback: 1e-6 }),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    rope: parseRope(fields, positions),
    attentionBias: fields.boolean("attention_bias", false),
    mlpBias: fields.boolean("mlp_bias", false),
    activation: "silu",
    ...commonFields(fields),
  };
}

/** Mistral's own default is a window of 4096 when the field is absent; null means none. LLaMA has none. */
function slidingWindow(fields: Fields, mistral: boolean): number | undefined {
  if (!mistral) return undefined;
  return fields.mentions("sliding_window")
    ? fields.integer("sliding_window", { ...POSITIONS, fallback: undefined })
    : 4096;
}
