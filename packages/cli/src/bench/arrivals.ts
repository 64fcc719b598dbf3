import { type PlannedRequest } from "./planned-request.js";
import { type Random } from "./random-numbers.js";

/** From `least` to `most` tokens, each length as likely. */
export interface LengthRange {
  readonly least: number;
  readonly most: number;
}

/** Requests of random lengths. */
export function randomRequests(
  count: number,
  prompt: LengthRange,
  output: LengthRange,
  random: Random,
): PlannedRequest[] {
  return Array.from({ length: count }, () => ({
    promptTokens: lengthIn(prompt, random),
    outputTokens: lengthIn(output, random),
  }));
}

/** Sends them as a Poisson process: gaps drawn from an exponential law with mean 1 / `perSecond`. The first one comes after a gap, too. */
export function poissonArrivals(
  requests: readonly PlannedRequest[],
  perSecond: number,
  random: Random,
): PlannedRequest[] {
  let atMs = 0;
  return requests.map((request) => {
    atMs += (-Math.log(1 - random()) * 1000) / perSecond;
    return { ...request, atMs };
  });
}

function lengthIn({ least, most }: LengthRange, random: Random): number {
  return least + Math.floor(random() * (most - least + 1));
}
