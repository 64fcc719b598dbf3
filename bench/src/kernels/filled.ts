import { bytesOf, type Device, encode, isBlockDType, quantise, type Tensor } from "@whittle/core";

/** What weights may be stored as; caches as those that are not in blocks. */
export const stored = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_K", "q6_K"] as const;
export type Stored = (typeof stored)[number];

/**
 * A tensor of small numbers. Never zeros: a page that nobody has written to is one shared page of zeros, which stays in the caches however much
 * of it is read.
 */
export function filled(device: Device, shape: readonly number[], dtype: Stored): Tensor {
  const bytes = new Uint8Array(shape.reduce((product, size) => product * size, bytesOf(dtype)));
  const numbers = Array.from({ length: 4096 }, (_, i) => (((i * 37) % 64) + 0.5) / 64 - 0.5);
  const pattern = isBlockDType(dtype) ? quantise(numbers, dtype) : encode(dtype, numbers);
  for (let at = 0; at < bytes.length; at += pattern.length) {
    bytes.set(pattern.subarray(0, Math.min(pattern.length, bytes.length - at)), at);
  }
  return device.tensorFromBytes(bytes, shape, dtype);
}
