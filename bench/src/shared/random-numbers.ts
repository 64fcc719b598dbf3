import { philox, uniform } from "@whittle/core";

/** Seeded random numbers: the same ones at each run. */
export class RandomNumbers {
  private drawn = 0;

  constructor(
    private readonly seed: number,
    private readonly stream = 0,
  ) {}

  /** In [0, 1). */
  next(): number {
    return uniform(philox([this.drawn++, this.stream, 0, 0], [this.seed, 0])[0]);
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }
}
