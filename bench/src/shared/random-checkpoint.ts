import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { elementsOf, encode, type Shape, type TensorSource, writeCheckpoint } from "@whittle/core";
import { byteTokenizer } from "./byte-tokenizer.js";
import { type LlamaSizes } from "./llama-costs.js";
import { randomElements } from "./random-weights.js";

/** Real models' shapes, without their weights: what a step costs depends on nothing else. */
export const shapes = {
  stories15M: {
    hiddenSize: 288,
    layers: 6,
    heads: 6,
    kvHeads: 6,
    headDim: 48,
    intermediateSize: 768,
    vocabSize: 32_000,
    tied: true,
  },
  "SmolLM-135M": {
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    intermediateSize: 1536,
    vocabSize: 49_152,
    tied: true,
  },
  "TinyLlama-1.1B": {
    hiddenSize: 2048,
    layers: 22,
    heads: 32,
    kvHeads: 4,
    headDim: 64,
    intermediateSize: 5632,
    vocabSize: 32_000,
    tied: false,
  },
} as const satisfies Record<string, LlamaSizes & { tied: boolean }>;

export type ShapeName = keyof typeof shapes;

export interface RandomCheckpointOptions {
  readonly shape: ShapeName;
  readonly dtype: "f32" | "f16" | "bf16";
  /** Default: 0. */
  readonly seed?: number;
  /** Where checkpoints are kept. Default: `whittle/bench` in the user's cache folder. */
  readonly cacheFolder?: string;
}

/**
 * Makes a Hugging Face folder of seeded random weights, or finds the one made before; gives its path. Weights are uniform with the variance that keeps activations of
 * order one; the tokenizer is `byteTokenizer`. The folder appears whole or not at all.
 */
export async function randomCheckpoint({
  shape,
  dtype,
  seed = 0,
  cacheFolder = defaultCache(),
}: RandomCheckpointOptions): Promise<string> {
  const folder = join(cacheFolder, `${shape}-${dtype}-seed${seed}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}.tmp`;
  try {
    await mkdir(unfinished, { recursive: true });
    const sizes = shapes[shape];
    await writeFile(join(unfinished, "config.json"), JSON.stringify(configOf(sizes, dtype), null, 2));
    await writeFile(join(unfinished, "tokenizer.json"), JSON.stringify(byteTokenizer(sizes.vocabSize)));
    const tensors = parametersOf(sizes).map(({ name, shape: size, bound }, index): TensorSource => {
      const count = elementsOf(size);
      return {
        name,
        dtype,
        shape: size,
        bytes: () =>
          bound === 0
            ? encode(dtype, new Float32Array(count).fill(1))
            : randomElements(count, dtype, bound, seed, index),
      };
    });
    await writeCheckpoint(unfinished, tensors);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function defaultCache(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "whittle", "bench");
}

interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  /** 0: a norm, all ones. */
  readonly bound: number;
}

function parametersOf(sizes: LlamaSizes & { tied: boolean }): Parameter[] {
  const { hiddenSize, layers, heads, kvHeads, headDim, intermediateSize, vocabSize, tied } = sizes;
  const norm = (name: string): Parameter => ({ name: `${name}.weight`, shape: [hiddenSize], bound: 0 });
  const linear = (name: string, out: number, input: number): Parameter => ({
    name: `${name}.weight`,
    shape: [out, input],
    bound: Math.sqrt(3 / input),
  });
  const layer = (prefix: string): Parameter[] => [
    norm(`${prefix}.input_layernorm`),
    linear(`${prefix}.self_attn.q_proj`, heads * headDim, hiddenSize),
    linear(`${prefix}.self_attn.k_proj`, kvHeads * headDim, hiddenSize),
    linear(`${prefix}.self_attn.v_proj`, kvHeads * headDim, hiddenSize),
    linear(`${prefix}.self_attn.o_proj`, hiddenSize, heads * headDim),
    norm(`${prefix}.post_attention_layernorm`),
    linear(`${prefix}.mlp.gate_proj`, intermediateSize, hiddenSize),
    linear(`${prefix}.mlp.up_proj`, intermediateSize, hiddenSize),
    linear(`${prefix}.mlp.down_proj`, hiddenSize, intermediateSize),
  ];
  return [
    linear("model.embed_tokens", vocabSize, hiddenSize),
    ...Array.from({ length: layers }, (_, i) => layer(`model.layers.${i}`)).flat(),
    norm("model.norm"),
    ...(tied ? [] : [linear("lm_head", vocabSize, hiddenSize)]),
  ];
}

function configOf(sizes: LlamaSizes & { tied: boolean }, dtype: RandomCheckpointOptions["dtype"]): object {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    dtype: { f32: "float32", f16: "float16", bf16: "bfloat16" }[dtype],
    vocab_size: sizes.vocabSize,
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    head_dim: sizes.headDim,
    hidden_act: "silu",
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_parameters: { rope_theta: 10_000, rope_type: "default" },
    tie_word_embeddings: sizes.tied,
  };
}
