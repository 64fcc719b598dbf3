import { philox, uniform } from "@whittle/core";

/** A seeded source of numbers for tests: the same seed draws the same cases on every machine. */
export class Random {
  private counter = 0;

  constructor(private readonly seed: number) {}

  /** In [0, 1). */
  uniform(): number {
    return uniform(this.word());
  }

  /** An unsigned 32-bit word. */
  word(): number {
    return philox([this.counter++, 0, 0, 0], [this.seed, 0x7e57])[0];
  }

  /** A whole number from `from` (included) to `to` (excluded). */
  integer(from: number, to: number): number {
    return from + Math.floor(this.uniform() * (to - from));
  }

  /** Standard normal (Box & Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length)]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }
}
