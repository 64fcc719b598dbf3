import { DeadlineExceeded } from "../errors.js";
import { type RequestEvent, type StepEvent } from "../events.js";
import { type FinishReason, type SampledLogprob } from "../request.js";
import { type RecordedStep, type StepResults } from "./recorded-step.js";
import { type PlannedRun, type Scheduler } from "./scheduler.js";
import { type Sequence } from "./sequence.js";

export interface Listener {
  onEvent(event: RequestEvent): void;
  onStep(event: StepEvent): void;
}

/** The last stage of a step: gives each request what the step made for it, and ends those that have all they get. */
export class Answers {
  readonly counts = { promptTokens: 0, generatedTokens: 0, finishedRequests: 0 };

  constructor(
    private readonly scheduler: Scheduler,
    private readonly listener: Listener,
  ) {}

  /** The step was read. */
  take({ runs, drawnRuns }: RecordedStep, { ids, logprobs, found }: StepResults): void {
    for (const { scores, position, logprob } of found) scores.tell(position, logprob);
    const timeMs = performance.now();
    const before = this.counts.generatedTokens;
    let [rows, place] = [0, 0];
    for (const run of runs) {
      const at = run === drawnRuns[place] ? place++ : -1;
      rows += run.to - run.from;
      // What was computed for who ended meanwhile is dropped.
      if (run.sequence.ended) continue;
      this.settle(run);
      if (run.draws) this.accept(run.sequence, ids[at]!, logprobs[at], timeMs);
    }
    const generatedTokens = this.counts.generatedTokens - before;
    this.listener.onStep({ timeMs, rows, requests: runs.length, generatedTokens });
  }

  finish(sequence: Sequence, reason: FinishReason): void {
    this.remove(sequence, reason);
    sequence.stream.finish(reason, sequence.usage);
  }

  /** Its time is over. */
  expire(sequence: Sequence): void {
    this.remove(sequence, "timeout");
    const { completionTokens } = sequence.usage;
    sequence.stream.fail(new DeadlineExceeded(sequence.request.parameters.timeoutMs!, completionTokens));
  }

  fail(sequence: Sequence, error: unknown): void {
    this.remove(sequence, "error");
    sequence.stream.fail(error);
  }

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
    if (sequence.scores) sequence.stream.tellPrompt(sequence.scores.all);
    // It is asked for the prompt alone.
    if (sequence.request.parameters.maxTokens === 0) return this.finish(sequence, sequence.end("length"));
    this.counts.generatedTokens++;
    const { requestId } = sequence;
    const gapMs = sequence.clock.token(timeMs);
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
