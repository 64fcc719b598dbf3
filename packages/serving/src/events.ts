import { type FinishReason } from "./request.js";

/** How long a request took, in milliseconds, interval by interval as vLLM defines them. What it never came to is undefined. */
export interface RequestTimings {
  /** From its submission to its first admission. */
  readonly queueMs: number | undefined;
  /** From its first admission to its first token. */
  readonly prefillMs: number | undefined;
  /** From its first token to its last. */
  readonly decodeMs: number | undefined;
  /** From its first admission to its last token. */
  readonly inferenceMs: number | undefined;
  /** From its arrival to its first token (TTFT). */
  readonly firstTokenMs: number | undefined;
  /** From its arrival to its end. */
  readonly totalMs: number;
}

/** What happened to a request, with the time in milliseconds of one monotonic clock (`performance.now()`). */
export type RequestEvent =
  | { readonly type: "queued"; readonly requestId: string; readonly timeMs: number; readonly promptTokens: number }
  /** Admitted (again, after a preemption): from here on it has a sequence in the cache. */
  | { readonly type: "scheduled"; readonly requestId: string; readonly timeMs: number; readonly cachedTokens: number }
  /** Its blocks were given to an older request; its tokens are computed again later. */
  | { readonly type: "preempted"; readonly requestId: string; readonly timeMs: number }
  | { readonly type: "firstToken"; readonly requestId: string; readonly timeMs: number }
  /** Each token after the first; `gapMs` is the time since the one before (inter-token latency). */
  | { readonly type: "token"; readonly requestId: string; readonly timeMs: number; readonly gapMs: number }
  | {
      readonly type: "finished";
      readonly requestId: string;
      readonly timeMs: number;
      /** `timeout`: `DeadlineExceeded`; `error`: any other failure. */
      readonly reason: FinishReason | "timeout" | "error";
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly completionTokens: number;
      readonly preemptions: number;
      readonly timings: RequestTimings;
    };

/** What one step did, once its results were read. */
export interface StepEvent {
  readonly timeMs: number;
  /** Rows that the step computed, prompts' and answers' together. */
  readonly rows: number;
  readonly requests: number;
  readonly generatedTokens: number;
}
