import { setImmediate } from "node:timers/promises";
import { type Clock } from "./clock.js";

/** A clock for tests that jumps to the next thing that waits for it. */
export class VirtualClock implements Clock {
  private timeMs = 0;
  private sleepers: { readonly timeMs: number; readonly wake: () => void }[] = [];

  readonly now = (): number => this.timeMs;

  readonly sleepUntil = (timeMs: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      this.sleepers.push({ timeMs, wake: resolve });
      signal.addEventListener("abort", () => resolve());
    });

  readonly sleep = (milliseconds: number): Promise<void> =>
    this.sleepUntil(this.timeMs + milliseconds, new AbortController().signal);

  /** Lets time pass until the work is done. */
  async run<Result>(work: Promise<Result>): Promise<Result> {
    const state = { done: false };
    const finish = () => void (state.done = true);
    work.then(finish, finish);
    for (await setImmediate(); !state.done; await setImmediate()) {
      const next = this.sleepers.sort((a, b) => a.timeMs - b.timeMs).shift();
      if (!next) continue;
      this.timeMs = Math.max(this.timeMs, next.timeMs);
      next.wake();
    }
    return work;
  }
}
