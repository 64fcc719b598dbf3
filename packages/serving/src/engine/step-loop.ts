import { setImmediate as nextTurn } from "node:timers/promises";
import { CacheFull, isWhittleError, type KVCache } from "@whittle/core";
import { type RequestEvent } from "../events.js";
import { type FinishReason } from "../request.js";
import { type PlannedRun, type Scheduler } from "./scheduler.js";
import { type Sequence } from "./sequence.js";
import { type RecordedStep, type StepRunner } from "./step-runner.js";

/** How often in a row a request's step may fail: once in company, once alone. */
const TRIES = 2;

/** Plan → record → read → finish, again and again while there is work. */
export class StepLoop {
  readonly counts = { steps: 0, failedSteps: 0, promptTokens: 0, generatedTokens: 0, finishedRequests: 0 };
  /** Why everything under way must end: an abort of the engine, the loss of the device. */
  fatal: unknown;
  private running: Promise<void> | undefined;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly runner: StepRunner,
    private readonly cache: KVCache,
    private readonly emit: (event: RequestEvent) => void,
  ) {}

  /** There is work. */
  wake(): void {
    this.running ??= this.run();
  }

  /** Ends all that is under way with this error. */
  stop(error: unknown): void {
    this.fatal ??= error;
  }

  /** Until there is no work left. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    // Requests submitted in the same turn of the event loop start together.
    await nextTurn();
    while (this.sweep()) {
      try {
        await this.step();
      } catch (error) {
        this.stop(error);
      }
    }
    this.running = undefined;
  }

  /** Ends what was cancelled, and all if the loop must stop. Whether there is work left. */
  private sweep(): boolean {
    for (const sequence of this.scheduler.all) {
      if (this.fatal !== undefined) this.fail(sequence, this.fatal);
      else if (sequence.cancelled) this.finish(sequence, sequence.end("abort"));
    }
    return this.scheduler.runningCount + this.scheduler.waitingCount > 0;
  }

  private async step(): Promise<void> {
    const planned = this.scheduler.plan(performance.now());
    if (planned.length === 0) return this.failOldest();
    let step: RecordedStep | undefined;
    let drawn: ReadonlyMap<Sequence, number>;
    try {
      step = this.runner.record(planned);
      // However fast the device is, each step leaves a turn of the event loop to everyone else.
      [drawn] = await Promise.all([step.read(), nextTurn()]);
    } catch (error) {
      step?.discard();
      return this.stepFailed(planned, error);
    }
    step.commit();
    this.counts.steps++;
    for (const run of planned) this.advance(run, drawn.get(run.sequence));
  }

  /** The run's rows are in the cache; `id` was drawn if they were its last. */
  private advance({ sequence, rows, blocks }: PlannedRun, id: number | undefined): void {
    this.counts.promptTokens += Math.max(0, Math.min(rows, sequence.promptTokens - sequence.computedTokens));
    sequence.computedTokens += rows;
    sequence.blocks += blocks;
    sequence.failures = 0;
    // Whoever cancelled wants no more of it.
    if (id === undefined || sequence.cancelled) return;
    this.counts.generatedTokens++;
    if (sequence.generatedTokens === 0)
      this.emit({ type: "firstToken", requestId: sequence.requestId, timeMs: performance.now() });
    let reason: FinishReason | undefined;
    try {
      reason = sequence.accept(id);
    } catch (error) {
      return this.fail(sequence, error);
    }
    if (reason) this.finish(sequence, reason);
  }

  /** Nothing of the step was kept. Its sequences try again, each alone; whose own step fails again is at fault. */
  private stepFailed(planned: readonly PlannedRun[], error: unknown): void {
    this.counts.failedSteps++;
    if (isWhittleError(error, "device_lost")) return this.stop(error);
    if (isWhittleError(error, "cache_full") && this.scheduler.preemptYoungest()) return;
    for (const { sequence } of planned) {
      // A cache may have had to give up more than the step's own rows.
      if (sequence.slot !== undefined) sequence.computedTokens = this.cache.length(sequence.slot);
      sequence.failures++;
      if (sequence.failures >= TRIES) this.fail(sequence, error);
    }
  }

  private failOldest(): void {
    const oldest = this.scheduler.oldest();
    if (oldest) this.fail(oldest, new CacheFull(this.cache.cost(oldest.slot, 1), this.cache.capacity().free));
  }

  private finish(sequence: Sequence, reason: FinishReason): void {
    this.remove(sequence, reason);
    sequence.stream.finish(reason, sequence.usage);
  }

  private fail(sequence: Sequence, error: unknown): void {
    this.remove(sequence, "error");
    sequence.stream.fail(error);
  }

  private remove(sequence: Sequence, reason: FinishReason | "error"): void {
    this.scheduler.remove(sequence);
    sequence.detach();
    this.counts.finishedRequests++;
    this.emit({
      type: "finished",
      requestId: sequence.requestId,
      timeMs: performance.now(),
      reason,
      ...sequence.usage,
      preemptions: 0,
      timings: {
        queueMs: undefined,
        prefillMs: undefined,
        decodeMs: undefined,
        inferenceMs: undefined,
        firstTokenMs: undefined,
        totalMs: performance.now() - sequence.arrivalMs,
      },
    });
  }
}
