import { type ServedModels } from "./served-models.js";

/** What an endpoint gets besides the body. */
export interface RequestContext {
  /** Who asked for what: in logs, and sent back as `x-request-id`. */
  readonly requestId: string;
  /** When it came, by `performance.now()`. */
  readonly arrivalMs: number;
  readonly models: ServedModels;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Accepts fields that nobody knows, as if they were not there. */
  readonly ignoreUnknownFields: boolean;
  /** Milliseconds for requests that name no limit; undefined: as long as they take. */
  readonly timeoutMs: number | undefined;
  /** Adds to what is logged of this request. */
  note(fields: Readonly<Record<string, unknown>>): void;
  /** Told of faults that are the server's. */
  readonly onError: (error: unknown) => void;
}
