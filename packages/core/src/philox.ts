/**
 * Philox4x32-10: four random 32-bit words from a 128-bit counter and a 64-bit key; the same words on every device.
 *
 * Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, §3.3. Words are unsigned.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [hi0, lo0] = multiply(0xd2511f53, c0 >>> 0);
    const [hi1, lo1] = multiply(0xcd9e8d57, c2 >>> 0);
    [c0, c1, c2, c3] = [(hi1 ^ c1 ^ k0) >>> 0, lo1, (hi0 ^ c3 ^ k1) >>> 0, lo0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** High and low word of a 32×32-bit product. */
function multiply(a: number, b: number): [number, number] {
  const [aHigh, aLow] = [a >>> 16, a & 0xffff];
  const [bHigh, bLow] = [b >>> 16, b & 0xffff];
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return [(aHigh * bHigh + Math.floor(middle / 65536) + (other >>> 16)) >>> 0, ((other << 16) | (low & 0xffff)) >>> 0];
}

/** What a random number is for, so that two uses at one position are independent. Part of the counter; never reuse a number. */
export const purpose = { sample: 0, initialise: 1 } as const;

/** A uniform number in [0, 1) with 24 bits from one word, exact in f32. */
export function uniform(word: number): number {
  return (word >>> 8) * 2 ** -24;
}
