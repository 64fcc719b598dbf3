import {
  ArgumentError,
  type ActivationDType,
  type BlockDType,
  blockDTypes,
  type CausalLM,
  type Device,
  disposeWeight,
  type LinearWeight,
  type Logger,
  type ProgressListener,
  silent,
  sparse24,
  sparseMask,
  type Tensor,
} from "@whittle/core";
import { type BuiltModel, buildModel } from "./architectures/architecture.js";
import { requireRounding, setRounding } from "./activation-rounding.js";
import { preferredActivations, requireActivations } from "./activations.js";
import { type ChatTemplate } from "./chat-template.js";
import { conversionsOf, describeConversions, type WeightConversion } from "./conversions.js";
import { type GenerationConfig } from "./generation-config.js";
import { type ModelConfig } from "./model-config.js";
import { openModelSource } from "./model-source.js";
import { type QuantisationReport, quantiseLinears } from "./quantise-linears.js";
import { sparsifyLinears, type SparsityReport } from "./sparsify-linears.js";
import { type Tokenizer } from "./tokenizer.js";
import { mapSparseWeights, mapWeights } from "./weights.js";

export interface LoadOptions {
  /** Where the weights go. */
  device: Device;
  /**
   * What the model computes in; logits are f32 in any case. Default: as the device prefers, f32 or, if most of the checkpoint is bf16 or f16, that. `cpu()` has f32 alone.
   */
  activations?: ActivationDType;
  /**
   * Quantises the weights of linear layers to GGUF's blocks once they are loaded; `quantisation` of the result says how well. Embeddings, norms and biases stay, and a tied head
   * gets a quantised copy of the embedding table. `"sparse24"` and `"sparseMask"` leave out the zeros of pruned weights and prune nothing: `sparsity` of the result says which layers
   * had enough of them. Default: `"stored"`, as they are.
   */
  weights?: WeightFormat;
  /**
   * Rounds what goes into linear layers with weights in blocks (quantised here, or stored so) to 8 bits, a block of 32 at a time (`linearQ8`), as llama.cpp does: on `cpu()` several times faster than the exact product. It
   * needs f32 activations. Default: false.
   */
  int8Activations?: boolean;
  /**
   * Rounds what goes into linear layers with bf16 weights to bf16 (`linearBf16`): on a `cpu()` with AVX512-BF16 the products of a prompt take little more than half the time; elsewhere nothing is won. It needs f32
   * activations, and at least one such layer. Default: false.
   */
  bf16Activations?: boolean;
  /** Quantises in its kernels if `device` has none for that, such as a `cpu()` beside a GPU; the bytes are the same. Default: JavaScript does, much slower. */
  quantiseOn?: Device;
  /** Called as weights are mapped. Default: nobody is told. */
  onProgress?: ProgressListener;
  /** Is warned of tensors that the model does not use, and told what was converted. Default: silent. */
  logger?: Logger;
  /** Ends the loading with its reason. */
  signal?: AbortSignal;
}

/** What the weights of linear layers may be: as the checkpoint has them, quantised, or without their zeros. */
export type WeightFormat = "stored" | BlockDType | keyof typeof sparse;
const sparse = { sparse24, sparseMask };
export const weightFormats: readonly WeightFormat[] = ["stored", ...blockDTypes, "sparse24", "sparseMask"];

/** A model with all that came with it. */
export interface LoadedModel {
  /** The own name of the folder or file. */
  readonly name: string;
  /** What it was loaded from. */
  readonly path: string;
  readonly config: ModelConfig;
  readonly model: CausalLM;
  readonly tokenizer: Tokenizer;
  readonly generationConfig: GenerationConfig;
  readonly chatTemplate?: ChatTemplate;
  readonly device: Device;
  /** What the model computes in. */
  readonly activations: ActivationDType;
  /** Weights that could not be used as they are stored. Empty but for GGUF files of certain types. */
  readonly conversions: readonly WeightConversion[];
  /** What quantising the weights has done to them, if it was asked for. */
  readonly quantisation?: QuantisationReport;
  /** Which weights were packed without their zeros, if that was asked for. */
  readonly sparsity?: SparsityReport;
  /** Gives the weights' memory back. Safe to call twice. */
  dispose(): void;
}

/**
 * Loads a Hugging Face model folder: `config.json`, `tokenizer.json`, `model.safetensors` (or its shards with their index), and if they are there
 * `generation_config.json`, `tokenizer_config.json` and `chat_template.jinja`; or a GGUF file, or a folder that holds one. Weights are mapped into memory as they are stored
 * (f32, f16, bf16, and from GGUF q8_0, q4_0, q4_K and q6_K), so the files must stay as they are while the model is in use; those of other types in GGUF files are converted, one
 * tensor at a time, as `conversions` says.
 *
 * @throws ConfigError, TokenizerError, ChatTemplateError, CheckpointError: each names the file and what is wrong with it. ArgumentError if the device
 * does not have the activations.
 * @example
 * ```ts
 * const { model, tokenizer } = await loadModel("models/books-5m", { device: reference() });
 * console.log(model.shape.layers.length, tokenizer.encode("Once upon a time"));
 * ```
 */
export async function loadModel(path: string, options: LoadOptions): Promise<LoadedModel> {
  const { device, onProgress, logger = silent, signal } = options;
  if (options.activations !== undefined) requireActivations(device, options.activations);
  signal?.throwIfAborted();
  const source = await openModelSource(path, logger);
  const { name, config, tokenizer, generationConfig, arrangement } = source;
  const conversions = conversionsOf(source.weights.stored.values());
  if (conversions.length > 0) logger.info(`${path}: ${describeConversions(conversions)}`);
  const weights = await mapWeights(source.weights, device, { onProgress, signal });
  // What no entry of `weights` holds, to be disposed with them.
  const others: LinearWeight[] = [];
  const disposeAll = () => [...weights.values(), ...others].forEach(disposeWeight);
  try {
    const activations = options.activations ?? preferredActivations(device, source.weights.stored.values());
    const mapped = await mapSparseWeights(source.sparse, device, signal);
    others.push(...mapped.values());
    const model = buildModel(config, weights, device, { activations, arrangement, sparse: mapped });
    const { copies = [], ...reports } = await finishLinears(model, weights, config, activations, options);
    others.push(...copies);
    return {
      name,
      path,
      config,
      model,
      tokenizer,
      generationConfig,
      ...(tokenizer.chatTemplate && { chatTemplate: tokenizer.chatTemplate }),
      device,
      activations,
      conversions,
      ...reports,
      dispose() {
        model.dispose();
        disposeAll();
      },
    };
  } catch (error) {
    disposeAll();
    throw error;
  }
}

/** Quantises or packs the linear layers if that was asked for, and says which of them round their activations. */
async function finishLinears(
  model: BuiltModel,
  weights: Map<string, Tensor>,
  { tieWordEmbeddings }: ModelConfig,
  activations: ActivationDType,
  options: LoadOptions,
): Promise<FinishedLinears> {
  const { weights: wanted = "stored", quantiseOn, device, onProgress, signal } = options;
  if (!weightFormats.includes(wanted))
    throw new ArgumentError(`loadModel: weights must be ${weightFormats.join(" or ")}, but is ${wanted}`);
  requireRounding(options, device, activations);
  const shared = new Set(tieWordEmbeddings ? [model.linears.get("head")!.weight] : []);
  const how = { weights, shared, onProgress, signal };
  try {
    const finished = await finish();
    setRounding(model.linears.values(), options);
    return finished;
  } catch (error) {
    model.dispose();
    throw error;
  }

  async function finish(): Promise<FinishedLinears> {
    if (wanted === "stored") return {};
    if (wanted === "sparse24" || wanted === "sparseMask") {
      const { report, copies } = await sparsifyLinears(model.linears, { ...how, device, format: sparse[wanted] });
      return { sparsity: report, copies };
    }
    const { report, copies } = await quantiseLinears(model.linears, { ...how, dtype: wanted, helper: quantiseOn });
    return { quantisation: report, copies };
  }
}

type FinishedLinears = Pick<LoadedModel, "quantisation" | "sparsity"> & { readonly copies?: readonly LinearWeight[] };
