import { type FinishReason } from "./request.js";

/** What happened to a request, with the time in milliseconds of one monotonic clock (`performance.now()`). */
export type RequestEvent =
  | { readonly type: "queued"; readonly requestId: string; readonly timeMs: number; readonly promptTokens: number }
  /** Admitted (again, after a preemption): from here on it has a sequence in the cache. */
  | { readonly type: "scheduled"; readonly requestId: string; readonly timeMs: number; readonly cachedTokens: number }
  /** Its blocks were given to an older request; its tokens are computed again later. */
  | { readonly type: "preempted"; readonly requestId: string; readonly timeMs: number }
  | { readonly type: "firstToken"; readonly requestId: string; readonly timeMs: number }
  | {
      readonly type: "finished";
      readonly requestId: string;
      readonly timeMs: number;
      readonly reason: FinishReason | "error";
      readonly completionTokens: number;
    };
