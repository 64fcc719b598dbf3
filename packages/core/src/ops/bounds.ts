import { codecs, type DType } from "../dtypes.js";

const unit = codecs.f32.unit;

const { largest } = codecs.f32;

/**
 * Error of an f32 sum of `count` products whose magnitudes add up to `magnitude`: c·u·Σ|terms|, whatever the order of summation, and half a
 * step of the subnormal numbers for each term. Where partial sums may leave the range of f32, anything may come out.
 */
export function sumBound(count: number, magnitude: number): number {
  if (magnitude > largest) return Infinity;
  return (4 + 2 * Math.sqrt(count)) * unit * magnitude + count * 2 ** -149;
}

/**
 * How much farther apart two numbers may come to lie by being rounded to `dtype`, when `value` is one of them rounded and the other lies within `error` of it unrounded: one
 * step of the dtype. Infinity where one of them may leave the dtype's range; nothing for integers.
 */
export function roundingBound(dtype: DType, value: number, error: number): number {
  const { unit: u, largest: most, smallestNormal } = codecs[dtype];
  if (u === 0) return 0;
  const reach = (1 + u) * Math.abs(value) + error;
  if (!(reach <= most)) return Infinity;
  return 2 * u * Math.max(2 ** Math.floor(Math.log2(reach)), smallestNormal);
}
