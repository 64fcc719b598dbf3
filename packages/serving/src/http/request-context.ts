import { type ServedModels } from "./served-models.js";

/** What an endpoint gets besides the body. */
export interface RequestContext {
  readonly models: ServedModels;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Told of faults that are the server's. */
  readonly onError: (error: unknown) => void;
}
