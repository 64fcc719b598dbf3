import { type CacheStep, type Tensor } from "@whittle/core";
import { type Drawing, type Drawn, type RecordedDraw } from "./drawing.js";
import { type FoundScore } from "./prompt-scoring.js";
import { type PlannedRun } from "./scheduler.js";

/** All that a step made. */
export interface StepResults extends Drawn {
  /** Log-probabilities of prompts' tokens. */
  readonly found: readonly FoundScore[];
}

/** A step whose forward pass is recorded. Once its tokens are drawn they can be read; `release` or `discard` ends it. */
export class RecordedStep {
  constructor(
    readonly runs: readonly PlannedRun[],
    /** The runs that an id is drawn for, in the order of the ids. */
    readonly drawnRuns: readonly PlannedRun[],
    private readonly cached: CacheStep,
    private readonly drawing: Drawing,
    /** What is drawn, or the logits that it is to be drawn from. */
    private result: RecordedDraw | { readonly logits: Tensor },
    private readonly found: Promise<readonly FoundScore[]> | undefined,
  ) {
    drawnRuns.forEach(({ sequence }, place) => (sequence.drawnAt = place));
  }

  /** The ids, on the device. */
  get ids(): Tensor {
    return this.draw().ids;
  }

  /** Waits for what the constraints wait for. What goes wrong there is the sequence's own fault, and found when its token is read. */
  async ready(): Promise<void> {
    if ("ids" in this.result) return;
    for (const { sequence } of this.drawnRuns) {
      try {
        if (!sequence.ended) await sequence.constraint?.ready?.();
      } catch (error) {
        sequence.fault ??= error;
      }
    }
  }

  /** Records the drawing, unless it is. @throws OutOfMemory …: the step must be discarded then */
  draw(): RecordedDraw {
    if ("ids" in this.result) return this.result;
    const { logits } = this.result;
    this.result = this.drawing.record(logits, this.drawnRuns);
    logits.dispose();
    return this.result;
  }

  /** @throws DeviceError, DeviceLost */
  async read(): Promise<StepResults> {
    const { read } = this.draw();
    const { ids, logprobs } = await read;
    return { ids, logprobs, found: this.found ? await this.found : [] };
  }

  /** It was read. */
  release(): void {
    if ("ids" in this.result) this.result.ids.dispose();
    else this.result.logits.dispose();
  }

  /** As if it had never been; steps recorded later are discarded first. */
  discard(): void {
    this.release();
    this.cached.discard();
  }
}
