import { codecs } from "../dtypes.js";

const unit = codecs.f32.unit;

/** Error of an f32 sum of `count` products whose magnitudes add up to `magnitude`: c·u·Σ|terms|, whatever the order of summation. */
export function sumBound(count: number, magnitude: number): number {
  return (4 + 2 * Math.sqrt(count)) * unit * magnitude + Number.MIN_VALUE;
}
