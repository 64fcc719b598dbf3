/** How a side of the comparison runs what it is asked: its threads, and whatever else differs. */
export interface Way {
  readonly name: string;
  readonly threads: number;
}

/** One side of the comparison, in a process of its own: streams of greedy tokens, as its users get them. */
export interface Side {
  /** Greedy ids after a prompt, one by one as they are made; as many may run at once as the side was opened for. */
  stream(way: string, prompt: readonly number[], count: number): AsyncIterable<number>;
  close(): Promise<unknown>;
}

/** What a side's process is asked for. */
export type Job =
  | { readonly kind: "greedy"; readonly way: string; readonly promptTokens: number; readonly newTokens: number }
  | { readonly kind: "prefill"; readonly way: string; readonly promptTokens: number; readonly times: number }
  | {
      readonly kind: "decode";
      readonly way: string;
      readonly sequences: number;
      readonly promptTokens: number;
      readonly newTokens: number;
    };

/** Ids for `greedy`; milliseconds for `prefill` (to the first token); tokens per second, of all sequences together, for `decode`. */
export type Answer = { readonly ids: readonly number[] } | { readonly value: number };
