import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

/** Microseconds of work of the thread of JavaScript so far: of its processor time where the system tells (Linux), else the event loop's active time. */
export function mainThreadUs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ")[0]) / 1000;
  } catch {
    return 1000 * performance.eventLoopUtilization().active;
  }
}
