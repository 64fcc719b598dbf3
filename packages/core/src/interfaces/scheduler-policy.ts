/** A request as a scheduler policy sees it: plain numbers. */
export interface ScheduledRequest {
  readonly id: number;
  /** When it was submitted, in milliseconds of the engine's clock. A preempted request keeps its arrival. */
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Tokens whose keys and values the cache holds. */
  readonly computedTokens: number;
  /**
   * Rows to compute before its next token can be sampled: 1 while it decodes, more while its prompt is read. 0 while nothing can be computed for it
   * before the step under way is read.
   */
  readonly pendingRows: number;
  /** Blocks of the cache that it holds, alone or with others. */
  readonly blocks: number;
}

/** What one step may use. */
export interface StepBudget {
  /** Rows in the step, of all requests together. */
  readonly rows: number;
  /** Requests that may hold blocks at once. */
  readonly sequences: number;
  /** Blocks of the cache: free now, and in all. */
  readonly blocks: { readonly free: number; readonly total: number };
  /** Rows that one block holds. */
  readonly blockRows: number;
}

/** All that a policy may look at. It has no clock, no randomness and no memory but this. */
export interface SchedulerState {
  readonly nowMs: number;
  /** Requests that hold a sequence in the cache, in order of arrival. */
  readonly running: readonly ScheduledRequest[];
  /** Requests that hold none (new or preempted), in order of arrival. */
  readonly waiting: readonly ScheduledRequest[];
  readonly budget: StepBudget;
}

/** What a step does. The engine checks it against its budgets and never exceeds them, whatever a policy says. */
export interface ScheduledStep {
  /** Requests that take part and with how many rows (at most their `pendingRows`). A waiting request is admitted by standing here. */
  readonly rows: readonly { readonly id: number; readonly rows: number }[];
  /** Running requests whose blocks are given back before the step; they wait, and their tokens are computed again later. */
  readonly preempt: readonly number[];
}

/**
 * Decides which rows the next step computes: a pure function of plain data, so that the engine, a simulator and a test on a virtual clock use the
 * same object.
 */
export interface SchedulerPolicy {
  readonly name: string;
  plan(state: SchedulerState): ScheduledStep;
}
