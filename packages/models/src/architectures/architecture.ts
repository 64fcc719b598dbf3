import { type ActivationDType, type CausalLM, type Device, type Shape, type Tensor, type Weight } from "@whittle/core";
import { type ModelConfig } from "../model-config.js";
import { gpt2 } from "./gpt2.js";
import { llama } from "./llama.js";

/** A model whose own tensors (not its weights, which belong to the loader) are given back by `dispose`. */
export interface BuiltModel extends CausalLM {
  dispose(): void;
}

/**
 * How a checkpoint arranges its weights: as transformers saves them, or as GGUF files do, which have the rows of queries and keys in another order (pairs that are rotated together
 * side by side) and every linear weight as `[out, in]`.
 */
export type WeightArrangement = "transformers" | "ggml";

/** What a checkpoint must hold for a family of models, and how a model is made of it. */
export interface Architecture {
  /** Names as transformers saves the whole model, and shapes as stored. `arrangement`: default transformers'. */
  parameters(config: ModelConfig, arrangement?: WeightArrangement): ReadonlyMap<string, Shape>;
  /** What begins the names of all but the head; files may leave it out. */
  readonly prefix: string;
  /** Whether a stored tensor that is no parameter is known to be needless. */
  isNeedless(name: string, config: ModelConfig): boolean;
  /** Whether a parameter is a linear layer's weight, stored as `[out, in]`: files may have it sparse. Default: none is. */
  readonly isLinear?: (name: string) => boolean;
  /** Takes over the weights of `parameters`. It may replace entries by its own form of them; the map then holds what is to be disposed. */
  build(config: ModelConfig, weights: Map<string, Tensor>, device: Device, options: Required<BuildOptions>): BuiltModel;
}

/** One line per architecture. */
export const architectures: Readonly<Record<ModelConfig["architecture"], Architecture>> = { llama, gpt2 };

/** Names as transformers saves the whole model, and shapes as stored: what `buildModel` must be given. */
export function parameterShapes(config: ModelConfig): ReadonlyMap<string, Shape> {
  return architectures[config.architecture].parameters(config);
}

export interface BuildOptions {
  /** What the model computes in; its logits are f32 in any case. Default: f32. */
  activations?: ActivationDType;
  /** How the weights are arranged. Default: as transformers saves them. */
  arrangement?: WeightArrangement;
  /** Weights of linear layers that are no tensors, by their names; the caller's to dispose. Default: none. */
  sparse?: ReadonlyMap<string, Weight>;
}

/**
 * Makes a model of weights that are already there, by the names of `parameterShapes`; `loadModel` does it for a folder. The map may be changed: afterwards it holds what is to be
 * disposed once the model is no longer used.
 */
export function buildModel(
  config: ModelConfig,
  weights: Map<string, Tensor>,
  device: Device,
  { activations = "f32", arrangement = "transformers", sparse = new Map() }: BuildOptions = {},
): BuiltModel {
  return architectures[config.architecture].build(config, weights, device, { activations, arrangement, sparse });
}
