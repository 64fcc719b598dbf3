import { median } from "./statistics.js";

/** Something to time: `run` does the work once and resolves when it is done. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/**
 * Median milliseconds of each contender over `rounds` rounds. They take turns, so that whatever else the machine does meets all of them alike.
 */
export async function interleaved(contenders: readonly Contender[], rounds: number): Promise<Map<string, number>> {
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of contenders) {
      const start = performance.now();
      await run();
      // The first round warms up.
      if (round >= 0) times.get(name)!.push(performance.now() - start);
    }
  }
  return new Map([...times].map(([name, list]) => [name, median(list)]));
}
