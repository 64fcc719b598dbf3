import { Fields } from "./config/fields.js";
import { readJsonIfThere } from "./config/read-json.js";
import { ConfigError } from "./errors.js";

/** What `generation_config.json` suggests; every field may be absent. */
export interface GenerationConfig {
  readonly bosTokenId?: number;
  /** Ids that end a text; empty where the file names none. */
  readonly eosTokenIds: readonly number[];
  /** Longest sequence, prompt included, in tokens. */
  readonly maxLength?: number;
  readonly maxNewTokens?: number;
  /** False: greedy, whatever the fields below say. */
  readonly doSample?: boolean;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

/** Validates the parsed content of a `generation_config.json`. @throws ConfigError naming the field, what came and what was expected. */
export function parseGenerationConfig(content: unknown, file = "generation_config.json"): GenerationConfig {
  const fields = new Fields(file, content);
  const tokens = { min: 1, max: 2 ** 31, fallback: undefined };
  const unit = { min: 0, max: 1, fallback: undefined };
  const values = {
    bosTokenId: fields.tokenIds("bos_token_id")[0],
    eosTokenIds: fields.tokenIds("eos_token_id"),
    maxLength: fields.integer("max_length", tokens),
    maxNewTokens: fields.integer("max_new_tokens", tokens),
    doSample: fields.boolean("do_sample", undefined),
    temperature: fields.number("temperature", { min: 0, max: 1000, fallback: undefined }),
    topK: fields.integer("top_k", { min: 0, max: 2 ** 31, fallback: undefined }),
    topP: fields.number("top_p", unit),
    minP: fields.number("min_p", unit),
    repetitionPenalty: fields.number("repetition_penalty", { above: 0, max: 1000, fallback: undefined }),
  };
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as unknown as GenerationConfig;
}

/** Reads a `generation_config.json`; without one, nothing is suggested. @throws ConfigError if it is there but broken. */
export async function readGenerationConfig(path: string): Promise<GenerationConfig> {
  const content = await readJsonIfThere(path, (reason) => new ConfigError(path, reason));
  return content === undefined ? { eosTokenIds: [] } : parseGenerationConfig(content, path);
}
