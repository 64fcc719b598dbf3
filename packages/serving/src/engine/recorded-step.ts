import { type CacheStep, type Tensor } from "@whittle/core";
import { type Drawing, type Drawn } from "./drawing.js";
import { type PlannedRun } from "./scheduler.js";

/** A step whose forward pass is recorded. Once its tokens are drawn they can be read; `release` or `discard` ends it. */
export class RecordedStep {
  private drawn: { ids: Tensor; read: Promise<Drawn> } | undefined;

  constructor(
    readonly runs: readonly PlannedRun[],
    /** The runs that an id is drawn for, in the order of the ids. */
    readonly drawnRuns: readonly PlannedRun[],
    private readonly logits: Tensor,
    private readonly cached: CacheStep,
    private readonly drawing: Drawing,
  ) {}

  /** The ids, on the device. */
  get ids(): Tensor {
    return this.drawn!.ids;
  }

  /** Records the drawing, unless it is. @throws OutOfMemory …: the step must be discarded then */
  draw(): void {
    if (this.drawn) return;
    this.drawn = this.drawing.record(this.logits, this.drawnRuns);
    this.logits.dispose();
    this.drawnRuns.forEach(({ sequence }, place) => (sequence.drawnAt = place));
    // Nobody may come to read it: a step is discarded with the one before.
    this.drawn.read.catch(() => undefined);
  }

  /** @throws DeviceError, DeviceLost */
  read(): Promise<Drawn> {
    return this.drawn!.read;
  }

  /** It was read. */
  release(): void {
    this.logits.dispose();
    this.drawn?.ids.dispose();
  }

  /** As if it had never been; steps recorded later are discarded first. */
  discard(): void {
    this.release();
    this.cached.discard();
  }
}
