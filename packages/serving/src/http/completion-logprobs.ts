import { type TokenLogprob } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { keyOf, LEAST, type Vocabulary } from "./logprobs.js";

/** A token of an answer, or of the prompt before it: the first of all has no log-probability. */
export interface ToldToken {
  readonly token: number;
  readonly logprob?: number;
  readonly top?: readonly TokenLogprob[];
}

/** `logprobs` of a completion's choice: a list for each of its parts. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  readonly text_offset: number[];
}

/** Words the log-probabilities of one choice, part by part; `text_offset` says where in its text each token begins. */
export class CompletionLogprobsWriter {
  private readonly all: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  private offset = 0;

  constructor(
    private readonly vocabulary: Vocabulary,
    /** Goes on from what comes before the first token. */
    private readonly detokenizer: ReturnType<ServedModel["tokenizer"]["detokenizer"]>,
  ) {}

  add(tokens: readonly ToldToken[]): CompletionLogprobs {
    const key = (id: number): string => keyOf(id, this.vocabulary);
    const part: CompletionLogprobs = {
      tokens: tokens.map(({ token }) => key(token)),
      token_logprobs: tokens.map(({ logprob }) => (logprob === undefined ? null : Math.max(LEAST, logprob))),
      top_logprobs: tokens.map(({ top }) =>
        top ? Object.fromEntries(top.map(({ token, logprob }) => [key(token), Math.max(LEAST, logprob)])) : null,
      ),
      text_offset: tokens.map(({ token }) => {
        const at = this.offset;
        this.offset += this.detokenizer.push(token).length;
        return at;
      }),
    };
    this.all.tokens.push(...part.tokens);
    this.all.token_logprobs.push(...part.token_logprobs);
    this.all.top_logprobs.push(...part.top_logprobs);
    this.all.text_offset.push(...part.text_offset);
    return part;
  }

  /** All that was added; null if nothing was. */
  whole(): CompletionLogprobs | null {
    return this.all.tokens.length > 0 ? this.all : null;
  }
}
