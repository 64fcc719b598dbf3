import { type CausalLM, type Device } from "@whittle/core";

/** Turns ids into text, one at a time; never gives half a character. */
export interface Detokenizer {
  /** The text that is certain after this id; may be empty. */
  push(id: number): string;
  /** What was held back. */
  flush(): string;
}

/** What serving needs of a tokenizer. */
export interface ServedTokenizer {
  encode(text: string): ArrayLike<number>;
  detokenizer(): Detokenizer;
}

/** One message of a chat. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** What an engine needs of a model; `LoadedModel` of `@whittle/models` has it. */
export interface ServedModel {
  readonly name: string;
  readonly model: CausalLM;
  readonly device: Device;
  readonly tokenizer: ServedTokenizer;
}
