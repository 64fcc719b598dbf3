import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWhittleError } from "@whittle/core";
import { type ModelConfig, parseModelConfig } from "./model-config.js";

const llama = {
  model_type: "llama",
  vocab_size: 128256,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  tie_word_embeddings: true,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  torch_dtype: "bfloat16",
};
const scaling = { factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
const gpt2 = {
  model_type: "gpt2",
  vocab_size: 50257,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  n_positions: 1024,
  eos_token_id: 50256,
};
const mistral = { ...llama, model_type: "mistral", head_dim: 128, sliding_window: null };

const without = (config: object, field: string): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== field));

describe("LLaMA", () => {
  it("reads the form of transformers 4", () => {
    expect(parseModelConfig({ ...llama, rope_scaling: { rope_type: "llama3", ...scaling } })).toEqual({
      architecture: "llama",
      vocabSize: 128256,
      hiddenSize: 2048,
      intermediateSize: 8192,
      layers: 16,
      heads: 32,
      kvHeads: 8,
      headDim: 64,
      maxPositions: 131072,
      normEpsilon: 1e-5,
      tieWordEmbeddings: true,
      rope: {
        theta: 500000,
        scaling: { type: "llama3", factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 },
      },
      attentionBias: false,
      mlpBias: false,
      activation: "silu",
      bosTokenId: 128000,
      eosTokenIds: [128001, 128008, 128009],
      dtype: "bf16",
    } satisfies ModelConfig);
  });

  it("reads the form of transformers 5 to the same", () => {
    const old = parseModelConfig({ ...llama, rope_scaling: { type: "llama3", ...scaling } });
    const five = {
      ...without(llama, "rope_theta"),
      rope_parameters: { rope_type: "llama3", rope_theta: 500000, ...scaling },
    };
    expect(parseModelConfig(five)).toEqual(old);
  });

  it("reads linear scaling, and no scaling however it is said", () => {
    expect(parseModelConfig({ ...llama, rope_scaling: { type: "linear", factor: 2 } }).rope).toEqual({
      theta: 500000,
      scaling: { type: "linear", factor: 2 },
    });
    for (const none of [null, undefined, { rope_type: "default" }]) {
      expect(parseModelConfig({ ...llama, rope_scaling: none }).rope).toEqual({ theta: 500000 });
    }
  });

  it("has its defaults", () => {
    const bare = ["num_key_value_heads", "rope_theta", "tie_word_embeddings", "eos_token_id", "bos_token_id"].reduce(
      without,
      llama as object,
    );
    expect(parseModelConfig(bare)).toMatchObject({
      kvHeads: 32,
      rope: { theta: 10000 },
      tieWordEmbeddings: false,
      eosTokenIds: [],
    });
    expect(parseModelConfig(bare)).not.toHaveProperty("bosTokenId");
  });

  it.each([
    [
      { rope_scaling: { rope_type: "yarn", factor: 4 } },
      `"rope_scaling.rope_type" is "yarn"; expected "default" or "linear" or "llama3"`,
    ],
    [{ rope_scaling: { type: "dynamic", factor: 4 } }, `"rope_scaling.type" is "dynamic"`],
    [{ rope_scaling: { type: "linear" } }, `"rope_scaling.factor" is missing`],
    [{ rope_scaling: "linear" }, `rope_scaling must be an object, but is "linear"`],
    [
      { rope_scaling: { rope_type: "llama3", ...scaling, high_freq_factor: 1 } },
      `expected a number above low_freq_factor (1)`,
    ],
    [{ partial_rotary_factor: 0.5 }, `"partial_rotary_factor" is 0.5; expected 1`],
    [{ hidden_act: "gelu" }, `"hidden_act" is "gelu"; expected "silu"`],
    [{ num_key_value_heads: 5 }, `"num_key_value_heads" is 5; expected a divisor of num_attention_heads (32)`],
    [
      { num_attention_heads: 24, num_key_value_heads: 8 },
      `"num_attention_heads" is 24; expected a divisor of hidden_size (2048)`,
    ],
    [{ head_dim: 33 }, `head dimension is 33; expected an even number`],
    [{ hidden_size: -1 }, `"hidden_size" is -1; expected an integer at least 1`],
    [{ hidden_size: 1e300 }, `"hidden_size" is 1e+300; expected an integer`],
    [{ vocab_size: "32000" }, `"vocab_size" is "32000"; expected an integer`],
    [{ vocab_size: undefined }, `"vocab_size" is missing; expected an integer`],
    [{ rms_norm_eps: NaN }, `"rms_norm_eps" is NaN; expected a finite number`],
    [{ rope_theta: 0 }, `"rope_theta" is 0; expected a finite number above 0`],
    [{ tie_word_embeddings: "yes" }, `"tie_word_embeddings" is "yes"; expected true or false`],
    [{ eos_token_id: -2 }, `"eos_token_id" is -2; expected a token id`],
    [{ quantization_config: { bits: 4 } }, `quantised checkpoints are not supported`],
    [{ model_type: "bert" }, `"model_type" is "bert"; expected one of llama, mistral, gpt2`],
    [{ model_type: "constructor" }, `"model_type" is "constructor"; expected one of`],
    [{ model_type: null }, `"model_type" is missing; expected one of`],
  ])("refuses %j", (change, message) => {
    expect(() => parseModelConfig({ ...llama, ...change }, "here/config.json")).toThrow(`here/config.json: `);
    expect(() => parseModelConfig({ ...llama, ...change })).toThrow(message);
  });
});

describe("Mistral", () => {
  it("is a LLaMA whose head dimension may differ from hidden/heads", () => {
    expect(parseModelConfig(mistral)).toMatchObject({ architecture: "llama", headDim: 128, maxPositions: 131072 });
  });

  it("is limited to its sliding window, up to which full attention is exact", () => {
    expect(parseModelConfig({ ...mistral, sliding_window: 4096 })).toMatchObject({
      maxPositions: 4096,
      slidingWindow: 4096,
    });
    expect(parseModelConfig(without(mistral, "sliding_window"))).toMatchObject({ maxPositions: 4096 });
    expect(parseModelConfig({ ...mistral, max_position_embeddings: 64, sliding_window: 4096 })).toMatchObject({
      maxPositions: 64,
    });
  });
});

describe("GPT-2", () => {
  it("reads its own names", () => {
    expect(parseModelConfig(gpt2)).toEqual({
      architecture: "gpt2",
      vocabSize: 50257,
      hiddenSize: 768,
      intermediateSize: 3072,
      layers: 12,
      heads: 12,
      kvHeads: 12,
      headDim: 64,
      maxPositions: 1024,
      normEpsilon: 1e-5,
      tieWordEmbeddings: true,
      attentionBias: true,
      mlpBias: true,
      activation: "geluTanh",
      eosTokenIds: [50256],
    } satisfies ModelConfig);
  });

  it.each([
    [{ n_head: 5 }, `"n_head" is 5; expected a divisor of n_embd (768)`],
    [{ activation_function: "relu" }, `"activation_function" is "relu"; expected "gelu_new"`],
    [{ scale_attn_by_inverse_layer_idx: true }, `expected false`],
    [{ scale_attn_weights: false }, `expected true`],
  ])("refuses %j", (change, message) => {
    expect(() => parseModelConfig({ ...gpt2, ...change })).toThrow(message);
  });
});

describe("hostile input", () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.double(),
    fc.integer(),
    fc.constantFrom(-1, 0, 2 ** 53, 1e308, NaN, Infinity, "", "llama", [], {}),
  );

  it("gives a sane configuration or a ConfigError, whatever replaces a field", () => {
    for (const config of [llama, gpt2, { ...mistral, rope_scaling: { rope_type: "llama3", ...scaling } }]) {
      const changes = fc.dictionary(
        fc.constantFrom(...Object.keys(config), "head_dim", "rope_parameters", "rope_scaling"),
        anything,
        { maxKeys: 4 },
      );
      fc.assert(
        fc.property(changes, (change) => sane({ ...config, ...change })),
        { numRuns: 500 },
      );
    }
  });

  it("gives a ConfigError for what is no object at all", () => {
    fc.assert(fc.property(anything, (value) => sane(value)));
  });

  function sane(content: unknown): void {
    let config: ModelConfig;
    try {
      config = parseModelConfig(content);
    } catch (error) {
      if (!isWhittleError(error, "config")) throw error;
      return;
    }
    for (const size of [
      config.vocabSize,
      config.hiddenSize,
      config.intermediateSize,
      config.layers,
      config.heads,
      config.maxPositions,
    ]) {
      expect(Number.isSafeInteger(size) && size > 0).toBe(true);
    }
    expect(config.heads % config.kvHeads).toBe(0);
    expect(Number.isInteger(config.headDim)).toBe(true);
    expect(config.rope === undefined || (config.rope.theta > 0 && config.headDim % 2 === 0)).toBe(true);
  }
});
