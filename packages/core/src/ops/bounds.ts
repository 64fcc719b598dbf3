import { codecs } from "../dtypes.js";

const unit = codecs.f32.unit;

/** The largest f32 number. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/**
 * Error of an f32 sum of `count` products whose magnitudes add up to `magnitude`: c·u·Σ|terms|, whatever the order of summation, and half a
 * step of the subnormal numbers for each term. Where partial sums may leave the range of f32, anything may come out.
 */
export function sumBound(count: number, magnitude: number): number {
  if (magnitude > largest) return Infinity;
  return (4 + 2 * Math.sqrt(count)) * unit * magnitude + count * 2 ** -149;
}
