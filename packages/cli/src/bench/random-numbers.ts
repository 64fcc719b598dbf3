import { philox, uniform } from "@whittle/core";

/** Draws uniform numbers in [0, 1). */
export type Random = () => number;

/** Streams of one seed that do not disturb each other. Never reuse a number. */
export const stream = { arrivals: 0, lengths: 1, prompts: 2, warmUp: 3 } as const;

/** The same seed, stream and part give the same numbers, on any machine. */
export function randomNumbers(seed: number, of: number, part = 0): Random {
  const key: [number, number] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  let words: number[] = [];
  let drawn = 0;
  return () => {
    if (words.length === 0) words = philox([drawn++, part, of, 0x62656e63], key);
    return uniform(words.pop()!);
  };
}
