import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

/** How long the event loop kept a timer of 5 ms waiting, in ms, the 5 ms left out. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly samples: number;
}

const resolution = 5;

export function startMonitor(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  return histogram;
}

export function stopMonitor(histogram: IntervalHistogram): Delays {
  histogram.disable();
  // The histogram holds the time from one tick to the next.
  const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution);
  return {
    p50: ms(histogram.percentile(50)),
    p99: ms(histogram.percentile(99)),
    max: ms(histogram.max),
    samples: histogram.count,
  };
}
