import { setImmediate as nextTurn } from "node:timers/promises";
import { CacheFull, isWhittleError, type KVCache } from "@whittle/core";
import { DeadlineExceeded } from "../errors.js";
import { type RequestEvent, type StepEvent } from "../events.js";
import { type FinishReason, type SampledLogprob } from "../request.js";
import { type Drawn } from "./drawing.js";
import { type RecordedStep } from "./recorded-step.js";
import { type PlannedRun, type Scheduler } from "./scheduler.js";
import { type Sequence } from "./sequence.js";
import { type StepRunner } from "./step-runner.js";

/** How often in a row a request's step may fail: once in company, once alone. */
const TRIES = 2;

export interface Listener {
  onEvent(event: RequestEvent): void;
  onStep(event: StepEvent): void;
}

/**
 * Plan → record → read → finish, again and again while there is work. The next step is planned and recorded before the one under way is read, so that the device
 * never waits for JavaScript. So an end is found one step late, and what that step computed for who ended is dropped.
 */
export class StepLoop {
  readonly counts = { steps: 0, failedSteps: 0, promptTokens: 0, generatedTokens: 0, finishedRequests: 0 };
  /** Why everything under way must end: an abort of the engine, the loss of the device. */
  fatal: unknown;
  private running: Promise<void> | undefined;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly runner: StepRunner,
    private readonly cache: KVCache,
    private readonly listener: Listener,
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
    let underWay: RecordedStep | undefined;
    while (this.sweep() || underWay) {
      try {
        underWay = await this.turn(underWay);
      } catch (error) {
        underWay = undefined;
        this.stop(error);
      }
    }
    this.running = undefined;
  }

  /** Ends what was cancelled or came too late, and all if the loop must stop. Whether there is work left. */
  private sweep(): boolean {
    const now = performance.now();
    for (const sequence of this.scheduler.all) {
      if (this.fatal !== undefined) this.fail(sequence, this.fatal);
      else if (sequence.cancelled) this.finish(sequence, sequence.end("abort"));
      else if (sequence.clock.isLate(now)) this.expire(sequence);
    }
    return this.scheduler.runningCount + this.scheduler.waitingCount > 0;
  }

  /** Begins the next step, then ends the one under way; gives the one that is now under way. */
  private async turn(underWay: RecordedStep | undefined): Promise<RecordedStep | undefined> {
    const planned = this.scheduler.plan(performance.now(), underWay !== undefined);
    if (planned.length === 0 && !underWay) this.failOldest();
    let next: RecordedStep | undefined;
    let failure: { error: unknown } | undefined;
    try {
      if (planned.length > 0) next = this.begin(planned, underWay);
      for (const run of next?.runs ?? []) this.scheduler.advance(run);
    } catch (error) {
      failure = { error };
    }
    if (underWay && !(await this.complete(underWay, next))) return undefined;
    if (failure) this.stepFailed(planned, failure.error);
    return next && this.drawn(next);
  }

  private begin(planned: readonly PlannedRun[], before: RecordedStep | undefined): RecordedStep {
    try {
      return this.runner.record(planned, before);
    } catch (error) {
      for (const { sequence } of planned) this.scheduler.measure(sequence);
      throw error;
    }
  }

  /** Reads a step and gives out what it made. False if it failed: then neither it nor the step after it was. */
  private async complete(step: RecordedStep, after: RecordedStep | undefined): Promise<boolean> {
    let drawn: Drawn;
    try {
      // However fast the device is, each step leaves a turn of the event loop to everyone else.
      [drawn] = await Promise.all([step.read(), nextTurn()]);
    } catch (error) {
      after?.discard();
      step.discard();
      for (const { sequence } of [...(after?.runs ?? []), ...step.runs]) this.scheduler.restore(sequence);
      this.stepFailed(step.runs, error);
      return false;
    }
    step.release();
    this.counts.steps++;
    this.finishStep(step, drawn);
    return true;
  }

  /** The drawing of a step that had to wait for the ids of the one before. */
  private drawn(step: RecordedStep): RecordedStep | undefined {
    try {
      step.draw();
      return step;
    } catch (error) {
      step.discard();
      for (const { sequence } of step.runs) this.scheduler.restore(sequence);
      this.stepFailed(step.runs, error);
      return undefined;
    }
  }

  private finishStep({ runs, drawnRuns }: RecordedStep, { ids, logprobs }: Drawn): void {
    const timeMs = performance.now();
    let place = 0;
    let [rows, generatedTokens] = [0, 0];
    for (const run of runs) {
      const at = run === drawnRuns[place] ? place++ : -1;
      rows += run.to - run.from;
      if (run.sequence.ended) continue;
      this.settle(run);
      if (!run.draws) continue;
      generatedTokens++;
      this.accept(run.sequence, ids[at]!, logprobs[at], timeMs);
    }
    this.counts.generatedTokens += generatedTokens;
    this.listener.onStep({ timeMs, rows, requests: runs.length, generatedTokens });
  }

  /** The run's rows were read. */
  private settle(run: PlannedRun): void {
    const { sequence, from, to } = run;
    this.counts.promptTokens += Math.max(0, Math.min(to, sequence.promptTokens) - from);
    sequence.failures = 0;
    this.scheduler.settle(run);
    this.scheduler.shareWithFollowers(sequence);
  }

  /** `id` was drawn for the sequence, which may end it. */
  private accept(sequence: Sequence, id: number, logprob: SampledLogprob | undefined, timeMs: number): void {
    sequence.unread--;
    // Whoever cancelled wants no more of it.
    if (sequence.cancelled) return;
    if (sequence.fault !== undefined) return this.fail(sequence, sequence.fault);
    const gapMs = sequence.clock.token(timeMs);
    const { requestId } = sequence;
    this.listener.onEvent(
      gapMs === undefined ? { type: "firstToken", requestId, timeMs } : { type: "token", requestId, timeMs, gapMs },
    );
    let reason: FinishReason | undefined;
    try {
      reason = sequence.accept(id, logprob);
    } catch (error) {
      return this.fail(sequence, error);
    }
    if (reason) this.finish(sequence, reason);
  }

  /** Nothing of the step was kept. Its sequences try again, each alone; whose own step fails again is at fault. */
  private stepFailed(runs: readonly PlannedRun[], error: unknown): void {
    this.counts.failedSteps++;
    if (isWhittleError(error, "device_lost")) return this.stop(error);
    if (isWhittleError(error, "cache_full") && this.scheduler.preemptYoungest()) return;
    for (const { sequence } of runs) {
      if (!sequence.ended && ++sequence.failures >= TRIES) this.fail(sequence, error);
    }
  }

  private failOldest(): void {
    const oldest = this.scheduler.oldest(({ pendingRows }) => pendingRows > 0);
    if (oldest) this.fail(oldest, new CacheFull(this.cache.cost(oldest.slot, 1), this.cache.capacity().free));
  }

  private finish(sequence: Sequence, reason: FinishReason): void {
    this.remove(sequence, reason);
    sequence.stream.finish(reason, sequence.usage);
  }

  private expire(sequence: Sequence): void {
    this.remove(sequence, "timeout");
    const { completionTokens } = sequence.usage;
    sequence.stream.fail(new DeadlineExceeded(sequence.request.parameters.timeoutMs!, completionTokens));
  }

  private fail(sequence: Sequence, error: unknown): void {
    this.remove(sequence, "error");
    sequence.stream.fail(error);
  }

  private remove(sequence: Sequence, reason: FinishReason | "timeout" | "error"): void {
    this.scheduler.remove(sequence);
    sequence.detach();
    this.counts.finishedRequests++;
    const timeMs = performance.now();
    this.listener.onEvent({
      type: "finished",
      requestId: sequence.requestId,
      timeMs,
      reason,
      ...sequence.usage,
      preemptions: sequence.clock.preemptions,
      timings: sequence.clock.timings(timeMs),
    });
  }
}
