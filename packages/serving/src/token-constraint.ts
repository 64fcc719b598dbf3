/** Says which tokens may come next in one answer, token by token; it lives on the host. */
export interface TokenConstraint {
  /**
   * Sets bit `id % 32` (lowest first) of word `⌊id / 32⌋` for each id that may come next, the end-of-text ids where the answer may end. `into` holds
   * `⌈vocabSize / 32⌉` words, all zero. False: every id may come, and `into` does not matter. Not even one allowed id fails the request.
   */
  allow(into: Int32Array): boolean;
  /** Told of each token that came, in order, the end-of-text one included. */
  accept(id: number): void;
}
