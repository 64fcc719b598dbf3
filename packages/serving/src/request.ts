import { type ChatMessage } from "./served-model.js";
import { type TokenConstraint } from "./token-constraint.js";

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
  /** Taken off a token's logit for each time that it was generated; from -2 to 2. Default: 0. */
  frequencyPenalty?: number;
  /** Taken off the logits of tokens that were generated; from -2 to 2. Default: 0. */
  presencePenalty?: number;
  /** Divides positive and multiplies negative logits of tokens that are in the prompt or were generated; from 0.001 to 1000. Default: 1. */
  repetitionPenalty?: number;
  /** Added to the logits of these ids; from -100 to 100, at most 1024 of them. Default: none. */
  logitBias?: ReadonlyMap<number, number> | Readonly<Record<number, number>>;
}

/** Text, token ids or chat messages to continue. Exactly one of `prompt` and `messages` is given. */
export interface GenerateRequest extends SamplingOptions {
  /** Text (begun as the model wants it, e.g. with a BOS token) or token ids (taken as they are). */
  prompt?: string | ArrayLike<number>;
  /** A chat, rendered with the model's own template. */
  messages?: readonly ChatMessage[];
  /** Tokens to generate at most; with 0 the prompt alone is computed, for its log-probabilities. Default: as many as the context has room for (`Generation.parameters` says how many). */
  maxTokens?: number;
  /** Tokens before which neither an end-of-text token nor a stop text ends the answer. Default: 0. */
  minTokens?: number;
  /** Goes on after end-of-text tokens. Default: false. */
  ignoreEos?: boolean;
  /** Texts that end the answer; not part of it. Default: none. */
  stop?: string | readonly string[];
  /** Log-probabilities of each generated token and of this many most probable ones, 0 to 20. Default: none at all. */
  logprobs?: number;
  /** Log-probabilities of each of the prompt's tokens, given what comes before it, and of this many most probable ones in its place, 0 to 20. All of the prompt is then computed, whatever the cache holds. Default: none at all. */
  promptLogprobs?: number;
  /** Control tokens that stand in the answer's text, where others are left out: those that a parser of the answer looks for. Default: none. */
  showTokens?: readonly string[];
  /** Which tokens may come next, asked before each is drawn: a grammar, a schema. Called once for each answer. Default: any may. */
  constraint?: () => TokenConstraint;
  /** Milliseconds that the request may take, waiting included; then it fails with `DeadlineExceeded`. Default: no limit. */
  timeoutMs?: number;
  /** When it came, by `performance.now()`: from then on its time is counted. Default: when it is submitted. */
  arrivalMs?: number;
  /** Only requests of the same salt share the cached beginnings of their prompts. Default: "". */
  cacheSalt?: string;
  /** Ends the request within one step; what was generated so far stays, with `finishReason: "abort"`. */
  signal?: AbortSignal;
}

/** The parameters that a request runs with: what was asked for, what the model's configuration says, the defaults. */
export interface EffectiveParameters {
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly ignoreEos: boolean;
  readonly stop: readonly string[];
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly seed: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly repetitionPenalty: number;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly logprobs: number | undefined;
  readonly promptLogprobs: number | undefined;
  readonly timeoutMs: number | undefined;
}

/** Why a generation ended: an end-of-text token or a stop text; no more tokens allowed; the caller's own abort. Errors are thrown. */
export type FinishReason = "stop" | "length" | "abort";

export interface Usage {
  readonly promptTokens: number;
  /** Of those, tokens that the cache held already. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** A token and the natural logarithm of its probability, by the model alone: before penalties, biases, constraints, temperature and filters. */
export interface TokenLogprob {
  readonly token: number;
  /** -Infinity for what cannot come. */
  readonly logprob: number;
}

/** A generated token's log-probability beside those of the most probable ones, the most probable first (ties: the lower id). */
export interface SampledLogprob extends TokenLogprob {
  /** As many as the request asked for. The generated token is among them only by its own probability. */
  readonly top: readonly TokenLogprob[];
}

/** A part of an answer. Characters are never split; text that may begin a stop text is held back until it is certain. */
export interface Piece {
  readonly text: string;
  /** Ids sampled since the piece before, the end-of-text id included. */
  readonly tokens: readonly number[];
  /** One for each of `tokens`, if the request asked for them. */
  readonly logprobs?: readonly SampledLogprob[];
  /** On the first piece only, if the request asked for them: one for each of the prompt's tokens, undefined for the first, which nothing comes before. */
  readonly promptLogprobs?: readonly (SampledLogprob | undefined)[];
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
  /** One for each of `tokens`, if the request asked for them. */
  readonly logprobs?: readonly SampledLogprob[];
  /** One for each of the prompt's tokens, undefined for the first, if the request asked for them. */
  readonly promptLogprobs?: readonly (SampledLogprob | undefined)[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
}

/** An answer under way, to be iterated once. Leaving the loop cancels it. A consumer that is slow gets larger pieces, not more of them. */
export interface Generation extends AsyncIterable<Piece> {
  readonly id: string;
  readonly promptTokens: number;
  /** What it runs with; `maxTokens` is what was asked for, or what the context has room for. */
  readonly parameters: EffectiveParameters;
  /** Ends it within one step, as `signal` does. */
  cancel(): void;
}
