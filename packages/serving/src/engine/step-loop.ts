import { setImmediate as nextTurn } from "node:timers/promises";
import { CacheFull, isWhittleError, type KVCache } from "@whittle/core";
import { type Answers } from "./answers.js";
import { type RecordedStep, type StepResults } from "./recorded-step.js";
import { type PlannedRun, type Scheduler } from "./scheduler.js";
import { type StepRunner } from "./step-runner.js";

/** How often in a row a request's step may fail: once in company, once alone. */
const TRIES = 2;

/**
 * Plan → record → read → finish, again and again while there is work. The next step is planned and recorded before the one under way is read, so that the device
 * never waits for JavaScript. So an end is found one step late, and what that step computed for who ended is dropped.
 */
export class StepLoop {
  readonly counts = { steps: 0, failedSteps: 0 };
  /** Why everything under way must end: an abort of the engine, the loss of the device. */
  fatal: unknown;
  private running: Promise<void> | undefined;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly runner: StepRunner,
    private readonly cache: KVCache,
    private readonly answers: Answers,
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
        underWay?.release();
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
      if (this.fatal !== undefined) this.answers.fail(sequence, this.fatal);
      else if (sequence.cancelled) this.answers.finish(sequence, sequence.end("abort"));
      else if (sequence.clock.isLate(now)) this.answers.expire(sequence);
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
    } catch (error) {
      failure = { error };
    }
    if (underWay && !(await this.complete(underWay, next))) return undefined;
    if (failure) this.stepFailed(planned, failure.error);
    return next && (await this.drawn(next));
  }

  private begin(planned: readonly PlannedRun[], before: RecordedStep | undefined): RecordedStep {
    const step = this.runner.record(planned, before);
    for (const run of planned) this.scheduler.advance(run);
    return step;
  }

  /** Reads a step and gives out what it made. False if it failed: then neither it nor the step after it was. */
  private async complete(step: RecordedStep, after: RecordedStep | undefined): Promise<boolean> {
    let results: StepResults;
    try {
      // However fast the device is, each step leaves a turn of the event loop to everyone else.
      [results] = await Promise.all([step.read(), nextTurn()]);
    } catch (error) {
      after?.discard();
      step.discard();
      for (const { sequence } of [...(after?.runs ?? []), ...step.runs]) this.scheduler.restore(sequence);
      this.stepFailed(step.runs, error);
      return false;
    }
    step.release();
    this.counts.steps++;
    this.answers.take(step, results);
    return true;
  }

  /** Sees to the drawing of a step that had to wait for the ids of the one before, or for a constraint. */
  private async drawn(step: RecordedStep): Promise<RecordedStep | undefined> {
    await step.ready();
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

  /** Nothing of the step was kept. Its sequences try again, each alone; whose own step fails again is at fault. */
  private stepFailed(runs: readonly PlannedRun[], error: unknown): void {
    this.counts.failedSteps++;
    if (isWhittleError(error, "device_lost")) return this.stop(error);
    if (isWhittleError(error, "cache_full") && this.scheduler.preemptYoungest()) return;
    for (const { sequence } of runs) {
      if (!sequence.ended && ++sequence.failures >= TRIES) this.answers.fail(sequence, error);
    }
  }

  private failOldest(): void {
    const oldest = this.scheduler.oldest(({ pendingRows }) => pendingRows > 0);
    if (oldest) this.answers.fail(oldest, new CacheFull(this.cache.cost(oldest.slot, 1), this.cache.capacity().free));
  }
}
