/** The time that a load is planned and measured in. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves at a time of this clock, or early when the signal aborts. */
  readonly sleepUntil: (timeMs: number, signal: AbortSignal) => Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleepUntil: (timeMs, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, timeMs - performance.now()));
      signal.addEventListener("abort", wake);
    }),
};
