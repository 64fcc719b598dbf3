/** How one request's tokens are drawn, every field filled in. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0: all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** A safe integer, also negative. */
  readonly seed: number;
}

/** A seed for a request that named none. */
export function randomSeed(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

/** A row of the sampling op's `settings`: temperature, topK, topP, minP. */
export function writeSettings(into: Float32Array, row: number, { temperature, topK, topP, minP }: Sampling): void {
  into.set([temperature, topK, topP, minP], row * 4);
}

/** A row of the sampling op's `keys`: seed (low, high word), choice, position of the token that is drawn. */
export function writeKeys(into: Int32Array, row: number, seed: number, position: number): void {
  into.set([seed | 0, Math.floor(seed / 2 ** 32) | 0, 0, position], row * 4);
}
