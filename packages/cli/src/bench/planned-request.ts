/** A request as the load wants it. */
export interface PlannedRequest {
  /** When it is to be sent, in milliseconds from the beginning. A closed loop sends when the one before has ended instead. */
  readonly atMs?: number;
  readonly promptTokens: number;
  /** Tokens to generate at most. */
  readonly outputTokens: number;
  /** Blocks of the prompt by identity (Mooncake's hash ids): requests with the same ids begin with the same text. */
  readonly blocks?: readonly number[];
}
