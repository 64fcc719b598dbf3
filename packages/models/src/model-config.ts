import { Fields } from "./config/fields.js";
import { parseGpt2 } from "./config/gpt2.js";
import { parseLlama } from "./config/llama.js";
import { readJson } from "./config/read-json.js";
import { type RopeConfig } from "./config/rope.js";
import { ConfigError } from "./errors.js";

/** What `config.json` says of a model, in one form for all architectures and for transformers 4 and 5. */
export interface ModelConfig {
  /** Which architecture file builds it. Mistral is a LLaMA. */
  readonly architecture: "llama" | "gpt2";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Number of layers. */
  readonly layers: number;
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number;
  /** Not always `hiddenSize / heads`. */
  readonly headDim: number;
  /** Longest sequence that the model is computed exactly for; with a sliding window, the window. */
  readonly maxPositions: number;
  /** As the file says it; `maxPositions` respects it already. */
  readonly slidingWindow?: number;
  /** ε of the norms. */
  readonly normEpsilon: number;
  /** The output head is the embedding. */
  readonly tieWordEmbeddings: boolean;
  /** Absent where positions are learned. */
  readonly rope?: RopeConfig;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly activation: "silu" | "gelu" | "geluTanh";
  readonly bosTokenId?: number;
  /** Ids that end a text; may be empty. */
  readonly eosTokenIds: readonly number[];
  /** What the weights are stored in, if the file says so. */
  readonly dtype?: "f32" | "f16" | "bf16";
}

const ARCHITECTURES: Readonly<Record<string, (fields: Fields) => ModelConfig>> = {
  llama: parseLlama,
  mistral: parseLlama,
  gpt2: parseGpt2,
};

/**
 * Validates the parsed content of a `config.json`. `file` is how errors call it.
 * @throws ConfigError naming the field, what came and what was expected; for an unknown `model_type`, the supported ones.
 */
export function parseModelConfig(content: unknown, file = "config.json"): ModelConfig {
  const fields = new Fields(file, content);
  const type = fields.string("model_type", undefined);
  const parse = type !== undefined && Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type]! : undefined;
  return parse ? parse(fields) : fields.fail("model_type", `one of ${Object.keys(ARCHITECTURES).join(", ")}`);
}

/**
 * Reads and validates a `config.json`.
 * @throws ConfigError also when there is no such file or it is no JSON.
 */
export async function readModelConfig(path: string): Promise<ModelConfig> {
  return parseModelConfig(await readJson(path, (reason) => new ConfigError(path, reason)), path);
}
