import { type SampledLogprob } from "../request.js";

/** As many as any request may ask for, so that shapes do not follow from the requests. */
export const MOST_TOP = 20;

/** What `topLogprobs` gave, read: a row's own logarithm and those of the most probable ids, and these ids. */
export interface LogprobRows {
  readonly logprobs: ArrayLike<number>;
  readonly tokens: ArrayLike<number>;
  /** Most probable ids a row. */
  readonly count: number;
}

/** Row `row` of them, told for `token` with `wanted` of the most probable ids. */
export function logprobOf(
  { logprobs, tokens, count }: LogprobRows,
  row: number,
  token: number,
  wanted: number,
): SampledLogprob {
  const at = row * (count + 1);
  return {
    token,
    logprob: logprobs[at]!,
    top: Array.from({ length: Math.min(wanted, count) }, (_, place) => ({
      token: tokens[row * count + place]!,
      logprob: logprobs[at + 1 + place]!,
    })),
  };
}
