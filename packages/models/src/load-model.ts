import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  ArgumentError,
  type ActivationDType,
  type BlockDType,
  type CausalLM,
  CheckpointError,
  type Device,
  isBlockDType,
  isTensor,
  linearQ8,
  type Logger,
  openCheckpoint,
  type ProgressListener,
  silent,
  type Tensor,
  UnsupportedOp,
} from "@whittle/core";
import { architectures, type BuiltModel, buildModel } from "./architectures/architecture.js";
import { preferredActivations, requireActivations } from "./activations.js";
import { type ChatTemplate } from "./chat-template.js";
import { type GenerationConfig, readGenerationConfig } from "./generation-config.js";
import { loadTokenizer } from "./load-tokenizer.js";
import { type ModelConfig, readModelConfig } from "./model-config.js";
import { type QuantisationReport, quantiseLinears } from "./quantise-linears.js";
import { type Tokenizer } from "./tokenizer.js";
import { firstOf, locateWeights, mapWeights } from "./weights.js";

export interface LoadOptions {
  /** Where the weights go. */
  device: Device;
  /**
   * What the model computes in; logits are f32 in any case. Default: as the device prefers, f32 or, if most of the checkpoint is bf16 or f16, that. `cpu()` has f32 alone.
   */
  activations?: ActivationDType;
  /**
   * Quantises the weights of linear layers to GGUF's blocks once they are loaded; `quantisation` of the result says how well. Embeddings, norms and biases stay, and a tied head
   * gets a quantised copy of the embedding table. Default: `"stored"`, as they are.
   */
  weights?: WeightFormat;
  /**
   * Rounds what goes into quantised linear layers to 8 bits, a block of 32 at a time (`linearQ8`), as llama.cpp does: on `cpu()` several times faster than the exact product. It
   * needs f32 activations. Default: false.
   */
  int8Activations?: boolean;
  /** Called as weights are mapped. Default: nobody is told. */
  onProgress?: ProgressListener;
  /** Is warned of tensors that the model does not use. Default: silent. */
  logger?: Logger;
  /** Ends the loading with its reason. */
  signal?: AbortSignal;
}

/** What the weights of linear layers may be: as the checkpoint has them, or quantised. */
export type WeightFormat = "stored" | BlockDType;
export const weightFormats: readonly WeightFormat[] = ["stored", "q8_0", "q4_0"];

/** A model with all that came in its folder. */
export interface LoadedModel {
  /** The folder's own name. */
  readonly name: string;
  readonly folder: string;
  readonly config: ModelConfig;
  readonly model: CausalLM;
  readonly tokenizer: Tokenizer;
  readonly generationConfig: GenerationConfig;
  readonly chatTemplate?: ChatTemplate;
  readonly device: Device;
  /** What the model computes in. */
  readonly activations: ActivationDType;
  /** What quantising the weights has done to them, if it was asked for. */
  readonly quantisation?: QuantisationReport;
  /** Gives the weights' memory back. Safe to call twice. */
  dispose(): void;
}

/**
 * Loads a Hugging Face model folder: `config.json`, `tokenizer.json`, `model.safetensors` (or its shards with their index), and if they are there
 * `generation_config.json`, `tokenizer_config.json` and `chat_template.jinja`. Weights are mapped into memory as they are stored (f32, f16 or bf16), so the files must stay as they
 * are while the model is in use.
 *
 * @throws ConfigError, TokenizerError, ChatTemplateError, CheckpointError: each names the file and what is wrong with it. ArgumentError if the device
 * does not have the activations.
 * @example
 * ```ts
 * const { model, tokenizer } = await loadModel("models/books-5m", { device: reference() });
 * console.log(model.shape.layers.length, tokenizer.encode("Once upon a time"));
 * ```
 */
export async function loadModel(folder: string, options: LoadOptions): Promise<LoadedModel> {
  const { device, onProgress, logger = silent, signal } = options;
  if (options.activations !== undefined) requireActivations(device, options.activations);
  const info = await stat(folder).catch(() => undefined);
  if (!info?.isDirectory())
    throw new CheckpointError(folder, info ? "is a file, but a model folder was expected" : "there is no such folder");
  signal?.throwIfAborted();
  const config = await readModelConfig(join(folder, "config.json"));
  const generationConfig = await readGenerationConfig(join(folder, "generation_config.json"));
  const architecture = architectures[config.architecture];
  const located = locateWeights(await openCheckpoint(folder), {
    parameters: architecture.parameters(config),
    prefix: architecture.prefix,
    isNeedless: (name) => architecture.isNeedless(name, config),
  });
  if (located.unexpected.length > 0)
    logger.warn(
      `${folder}: the model does not use ${located.unexpected.length} of the stored tensors: ${firstOf(located.unexpected)}`,
    );
  const tokenizer = await loadTokenizer(folder);
  if (tokenizer.vocabSize > config.vocabSize) {
    logger.warn(
      `${folder}: the tokenizer knows ${tokenizer.vocabSize} tokens, but the model only ${config.vocabSize}; text with the others will fail`,
    );
  }
  const weights = await mapWeights(located, device, { onProgress, signal });
  try {
    const activations = options.activations ?? preferredActivations(device, located.stored.values());
    const model = buildModel(config, weights, device, { activations });
    const quantised = await quantiseModel(model, weights, config, activations, options);
    return {
      name: basename(resolve(folder)),
      folder,
      config,
      model,
      tokenizer,
      generationConfig,
      ...(tokenizer.chatTemplate && { chatTemplate: tokenizer.chatTemplate }),
      device,
      activations,
      ...(quantised && { quantisation: quantised.report }),
      dispose() {
        model.dispose();
        for (const copy of quantised?.copies ?? []) copy.dispose();
        disposeAll(weights);
      },
    };
  } catch (error) {
    disposeAll(weights);
    throw error;
  }
}

async function quantiseModel(
  model: BuiltModel,
  weights: Map<string, Tensor>,
  { tieWordEmbeddings }: ModelConfig,
  activations: ActivationDType,
  { weights: dtype = "stored", int8Activations = false, device, onProgress, signal }: LoadOptions,
) {
  if (!weightFormats.includes(dtype))
    throw new ArgumentError(`loadModel: weights must be ${weightFormats.join(" or ")}, but is ${dtype}`);
  if (int8Activations && activations !== "f32")
    throw new ArgumentError(
      `loadModel: int8Activations need f32 activations, but the model computes in ${activations}`,
    );
  if (int8Activations && !device.supports(linearQ8)) throw new UnsupportedOp(linearQ8.name, device.name);
  if (dtype === "stored") return undefined;
  const shared = new Set(tieWordEmbeddings ? [model.linears.get("head")!.weight] : []);
  try {
    const quantised = await quantiseLinears(model.linears, { device, dtype, weights, shared, onProgress, signal });
    for (const layer of model.linears.values())
      layer.int8Activations = int8Activations && isTensor(layer.weight) && isBlockDType(layer.weight.dtype);
    return quantised;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function disposeAll(weights: ReadonlyMap<string, Tensor>): void {
  for (const tensor of weights.values()) tensor.dispose();
}
