/** One side of the comparison, in a process of its own: streams of greedy tokens, as its users get them. */
export interface Side {
  /** Greedy ids after a prompt, one by one as they are made; as many may run at once as the way was opened for. `way` names threads and whatever else a side lets choose. */
  stream(way: string, prompt: readonly number[], count: number): AsyncIterable<number>;
  /** How far apart the two most probable ids after these are, in natural logarithms of their probability. */
  gap?(ids: readonly number[]): Promise<number>;
  /** What the machine can do at most, measured where the side keeps its weights. */
  limits?(): Promise<Limits>;
  close(): Promise<unknown>;
}

/** A side from the driver's end. */
export interface Asked {
  do<K extends Job["kind"]>(job: Extract<Job, { kind: K }>): Promise<Answers[K]>;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

export interface Limits {
  /** Reading a mapped file as large as the weights, GB/s. */
  readonly readGBps: number;
  /** Multiply-adds of f32 from the first-level cache, GFLOP/s. */
  readonly multiplyAddGflops: number;
  /** Multiply-adds of 8-bit codes from the first-level cache, summed exactly, GOP/s. */
  readonly dotCodesGops: number;
}

/** What a side's process is asked for. Every prompt is a new one but that of `greedy` and `gap`. */
export type Job =
  | { readonly kind: "greedy"; readonly way: string; readonly promptTokens: number; readonly newTokens: number }
  | { readonly kind: "gap"; readonly promptTokens: number; readonly answered: readonly number[] }
  | { readonly kind: "prefill"; readonly way: string; readonly promptTokens: number; readonly times: number }
  | {
      readonly kind: "decode";
      readonly way: string;
      readonly sequences: number;
      readonly promptTokens: number;
      readonly newTokens: number;
      readonly times: number;
    }
  | { readonly kind: "limits" }
  | { readonly kind: "memory" };

/** The answer to each kind of job. */
export interface Answers {
  readonly greedy: { readonly ids: readonly number[] };
  /** See `Side.gap`, after the prompt of `greedy` and what was answered. */
  readonly gap: { readonly gap: number };
  /** Milliseconds from a prompt to its first token. */
  readonly prefill: { readonly ms: number };
  /** Of all sequences together, while all of them decode. */
  readonly decode: { readonly tokensPerSecond: number };
  readonly limits: Limits;
  /** The most that the process has had in memory so far. */
  readonly memory: { readonly peakBytes: number };
}
