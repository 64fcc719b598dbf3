import { type ChatMessage } from "./served-model.js";

/** How tokens are drawn. What is left out comes from the model's `generation_config.json`, else from the defaults here. */
export interface SamplingOptions {
  /** 0 is greedy. Default: 1. */
  temperature?: number;
  /** Only the K most probable tokens; 0 for all. Default: 0. */
  topK?: number;
  /** Only the fewest most probable tokens that together reach P. Default: 1. */
  topP?: number;
  /** Only tokens at least this fraction as probable as the most probable one. Default: 0. */
  minP?: number;
  /** The same seed, prompt and options give the same text, whatever else runs. Default: a random one. */
  seed?: number;
}

/** Text, token ids or chat messages to continue. Exactly one of `prompt` and `messages` is given. */
export interface GenerateRequest extends SamplingOptions {
  /** Text (begun as the model wants it, e.g. with a BOS token) or token ids (taken as they are). */
  prompt?: string | ArrayLike<number>;
  /** A chat, rendered with the model's own template. */
  messages?: readonly ChatMessage[];
  /** Tokens to generate at most. Default: as many as the context has room for (`Generation.maxTokens` says how many). */
  maxTokens?: number;
  /** Texts that end the answer; not part of it. Default: none. */
  stop?: string | readonly string[];
  /** Ends the request within one step; what was generated so far stays, with `finishReason: "abort"`. */
  signal?: AbortSignal;
}

/** Why a generation ended: an end-of-text token or a stop text; no more tokens allowed; the caller's own abort. Errors are thrown. */
export type FinishReason = "stop" | "length" | "abort";

export interface Usage {
  readonly promptTokens: number;
  /** Of those, tokens that the cache held already. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** A part of an answer. Characters are never split; text that may begin a stop text is held back until it is certain. */
export interface Piece {
  readonly text: string;
  /** Ids sampled since the piece before, the end-of-text id included. */
  readonly tokens: readonly number[];
  /** On the last piece only. */
  readonly finishReason?: FinishReason;
  /** On the last piece only. */
  readonly usage?: Usage;
}

/** A whole answer. */
export interface Completion {
  readonly id: string;
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
}

/** An answer under way, to be iterated once. Leaving the loop cancels it. A consumer that is slow gets larger pieces, not more of them. */
export interface Generation extends AsyncIterable<Piece> {
  readonly id: string;
  readonly promptTokens: number;
  /** Tokens that it may generate: what was asked for, or what the context has room for. */
  readonly maxTokens: number;
  /** Ends it within one step, as `signal` does. */
  cancel(): void;
}
