import { basename, join, resolve } from "node:path";
import {
  CheckpointError,
  formatShape,
  type Logger,
  openCheckpoint,
  type StoredSparseWeight,
  sparseWeightsOf,
} from "@whittle/core";
import { architectures, type WeightArrangement } from "./architectures/architecture.js";
import { loadFolderTokenizer } from "./create-tokenizer.js";
import { type GenerationConfig, readGenerationConfig } from "./generation-config.js";
import { ggufFileOf } from "./gguf/gguf-file.js";
import { openGgufModel } from "./gguf/gguf-model.js";
import { type ModelConfig, readModelConfig } from "./model-config.js";
import { type Tokenizer } from "./tokenizer.js";
import { firstOf, type LocatedWeights, locateWeights } from "./weights.js";

/** All that a model is made of, whatever the files it comes in: checked, but of the weights only where they lie. */
export interface ModelSource {
  readonly name: string;
  readonly config: ModelConfig;
  readonly generationConfig: GenerationConfig;
  readonly tokenizer: Tokenizer;
  readonly weights: LocatedWeights;
  /** Weights of linear layers that are stored sparse, by the parameter they stand for. */
  readonly sparse: ReadonlyMap<string, StoredSparseWeight>;
  readonly arrangement: WeightArrangement;
}

/**
 * Opens a Hugging Face folder, a GGUF file, or a folder whose only model is a GGUF file. `logger` is warned of what does not fit together.
 * @throws CheckpointError, ConfigError, TokenizerError, ChatTemplateError
 */
export async function openModelSource(path: string, logger: Logger): Promise<ModelSource> {
  const file = await ggufFileOf(path);
  const source = await (file === undefined ? openFolder(path) : openGgufModel(file));
  const { tokenizer, config, weights } = source;
  if (weights.unexpected.length > 0)
    logger.warn(
      `${path}: the model does not use ${weights.unexpected.length} of the stored tensors: ${firstOf(weights.unexpected)}`,
    );
  if (tokenizer.vocabSize > config.vocabSize)
    logger.warn(
      `${path}: the tokenizer knows ${tokenizer.vocabSize} tokens, but the model only ${config.vocabSize}; text with the others will fail`,
    );
  return source;
}

async function openFolder(folder: string): Promise<ModelSource> {
  const config = await readModelConfig(join(folder, "config.json"));
  const generationConfig = await readGenerationConfig(join(folder, "generation_config.json"));
  const architecture = architectures[config.architecture];
  const checkpoint = await openCheckpoint(folder);
  const parameters = new Map(architecture.parameters(config));
  const namesOf = (name: string) => [name, withOrWithout(architecture.prefix, name)];
  const sparse = new Map<string, StoredSparseWeight>();
  const parts = new Set<string>();
  for (const weight of sparseWeightsOf(checkpoint).values()) {
    const parameter = namesOf(weight.name).find((name) => parameters.has(name));
    checkSparse(folder, config.architecture, weight, parameters.get(parameter ?? ""));
    sparse.set(parameter!, weight);
    parameters.delete(parameter!);
    for (const part of Object.keys(weight.parts)) parts.add(`${weight.name}.${part}`);
  }
  const weights = locateWeights(checkpoint, {
    parameters,
    described: "config.json",
    namesOf,
    isNeedless: (name) => parts.has(name) || architecture.isNeedless(name, config),
  });
  const tokenizer = await loadFolderTokenizer(folder);
  const name = basename(resolve(folder));
  return { name, config, generationConfig, tokenizer, weights, sparse, arrangement: "transformers" };
}

/** Files may leave out what begins most names. */
function withOrWithout(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : prefix + name;
}

/** @throws CheckpointError unless the weight is that of a linear layer of this architecture, of this `expected` shape. */
function checkSparse(
  folder: string,
  name: ModelConfig["architecture"],
  weight: StoredSparseWeight,
  expected: readonly number[] | undefined,
): void {
  const bad = (reason: string) =>
    new CheckpointError(
      folder,
      `${weight.name} is stored as ${weight.format.name} ${formatShape(weight.shape)}, ${reason}`,
    );
  if (expected === undefined) throw bad(`but a ${name} model has no such parameter`);
  if (!architectures[name].isLinear?.(weight.name)) throw bad(`which ${name} models cannot use for this parameter`);
  if (formatShape(weight.shape) !== formatShape(expected)) throw bad(`expected ${formatShape(expected)}`);
}
