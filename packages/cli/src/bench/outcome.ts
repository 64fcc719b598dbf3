/** What became of one request. All times are of the load's clock, in milliseconds. */
export interface Outcome {
  /** When it was to be sent: latencies count from here, so that a generator or a server that falls behind cannot hide it. */
  readonly intendedMs: number;
  /** When it was sent. */
  readonly sentMs: number;
  /** When each part of the answer that has text arrived. */
  readonly tokenMs: readonly number[];
  readonly endMs: number;
  /** As the server counted; undefined where it does not say. */
  readonly promptTokens: number | undefined;
  /** As the server counted, else the parts that had text. */
  readonly outputTokens: number;
  readonly finishReason: string | undefined;
  /** Why it failed: `connect`, `timeout`, `status 429`, `stream`, `aborted`. Undefined when it was answered. */
  readonly failure: { readonly kind: string; readonly message: string } | undefined;
}
