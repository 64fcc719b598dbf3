import { readFile } from "node:fs/promises";
import { ArgumentError } from "@whittle/core";
import { type LengthRange, poissonArrivals, randomRequests } from "./arrivals.js";
import { type PlannedRequest } from "./planned-request.js";
import { randomNumbers, stream } from "./random-numbers.js";
import { parseTrace } from "./trace.js";

export interface PlanOptions {
  readonly rate?: number;
  readonly concurrency?: number;
  readonly trace?: string;
  readonly speed: number;
  readonly requests?: number;
  readonly promptTokens: LengthRange;
  readonly outputTokens: LengthRange;
  readonly seed: number;
}

/** Which requests, and how they come. */
export interface LoadPlan {
  readonly requests: readonly PlannedRequest[];
  /** Clients of a closed loop; undefined: an open loop. */
  readonly concurrency: number | undefined;
  /** For people. */
  readonly arrivals: string;
}

const defaultConcurrency = 8;
const defaultRequests = 100;

/** @throws ArgumentError for a trace that cannot be read, or two ways of arriving at once. */
export async function planLoad(options: PlanOptions): Promise<LoadPlan> {
  const { rate, concurrency, trace, speed, requests = defaultRequests, seed } = options;
  const given = Object.entries({ rate, concurrency, trace }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new ArgumentError(`only one of ${given.map(([name]) => `--${name}`).join(" and ")} can be had`);
  if (trace !== undefined) {
    const all = parseTrace(await readFile(trace, "utf8"), { speed });
    return {
      requests: all.slice(0, options.requests),
      concurrency: undefined,
      arrivals: `trace ${trace}${speed === 1 ? "" : `, ${speed} times as fast`}`,
    };
  }
  const drawn = randomRequests(
    requests,
    options.promptTokens,
    options.outputTokens,
    randomNumbers(seed, stream.lengths),
  );
  if (rate !== undefined)
    return {
      requests: poissonArrivals(drawn, rate, randomNumbers(seed, stream.arrivals)),
      concurrency: undefined,
      arrivals: `Poisson arrivals, ${rate} requests/s`,
    };
  const clients = concurrency ?? defaultConcurrency;
  return { requests: drawn, concurrency: clients, arrivals: `${clients} clients at a time` };
}
