/** Says which tokens may come next in one answer, token by token; it lives on the host. */
export interface TokenConstraint {
  /**
   * Asked before each `allow`: what to wait for, if masks are made elsewhere; undefined if there is nothing. The event loop stays free meanwhile, and a rejection fails
   * the request. All requests of the step wait, so it must settle soon.
   */
  ready?(): Promise<void> | undefined;
  /**
   * Sets bit `id % 32` (lowest first) of word `⌊id / 32⌋` for each id that may come next, the end-of-text ids where the answer may end. `into` holds
   * `⌈vocabSize / 32⌉` words, all zero. False: every id may come, and `into` does not matter. Not even one allowed id fails the request.
   */
  allow(into: Int32Array): boolean;
  /** Told of each token that came, in order, the end-of-text one included. */
  accept(id: number): void;
}
