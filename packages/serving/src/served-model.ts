import { type CausalLM, type Device } from "@whittle/core";
import { type GenerationConfig, type Tokenizer } from "@whittle/models";

export type { ChatMessage } from "@whittle/models";

/** What serving needs of a model: `LoadedModel` of `@whittle/models` has it, and anything else that has these parts can be served too. */
export interface ServedModel {
  readonly name: string;
  readonly model: CausalLM;
  readonly device: Device;
  readonly tokenizer: Pick<
    Tokenizer,
    "encode" | "encodeChat" | "chatTemplate" | "decode" | "detokenizer" | "eosIds" | "tokenBytes"
  >;
  /** Where the model's files are; other threads load it from there. Without it, texts are tokenised on the main thread, however long. */
  readonly path?: string;
  readonly generationConfig: GenerationConfig;
  readonly config: { readonly eosTokenIds: readonly number[] };
}

/** Ids that end an answer: what the model's configuration names and what its tokenizer calls the end of a text. */
export function endTokenIds({ generationConfig, config, tokenizer }: ServedModel): ReadonlySet<number> {
  const configured = generationConfig.eosTokenIds.length > 0 ? generationConfig.eosTokenIds : config.eosTokenIds;
  return new Set([...configured, ...tokenizer.eosIds]);
}
