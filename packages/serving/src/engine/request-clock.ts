import { type RequestTimings } from "../events.js";

/** When things happened to one request, in milliseconds of the monotonic clock. */
export class RequestClock {
  private scheduledMs: number | undefined;
  private firstTokenMs: number | undefined;
  private lastTokenMs: number | undefined;
  preemptions = 0;

  constructor(
    /** When whoever asks began to wait: its time is counted from here. */
    private readonly arrivalMs: number,
    /** When the engine was given it. */
    readonly queuedMs: number,
    private readonly timeoutMs: number | undefined,
  ) {}

  /** Only the first admission counts. */
  scheduled(timeMs: number): void {
    this.scheduledMs ??= timeMs;
  }

  /** Milliseconds since the token before; undefined for the first. */
  token(timeMs: number): number | undefined {
    const gapMs = this.lastTokenMs === undefined ? undefined : timeMs - this.lastTokenMs;
    this.firstTokenMs ??= timeMs;
    this.lastTokenMs = timeMs;
    return gapMs;
  }

  isLate(nowMs: number): boolean {
    return this.timeoutMs !== undefined && nowMs - this.arrivalMs >= this.timeoutMs;
  }

  timings(endMs: number): RequestTimings {
    const { arrivalMs, queuedMs, scheduledMs, firstTokenMs, lastTokenMs } = this;
    return {
      queueMs: between(queuedMs, scheduledMs),
      prefillMs: between(scheduledMs, firstTokenMs),
      decodeMs: between(firstTokenMs, lastTokenMs),
      inferenceMs: between(scheduledMs, lastTokenMs),
      firstTokenMs: between(arrivalMs, firstTokenMs),
      totalMs: endMs - arrivalMs,
    };
  }
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}
