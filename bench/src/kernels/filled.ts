import { type Device, encode, isBlockDType, quantise, type Tensor } from "@whittle/core";

/** Bytes of an element of each dtype that weights and caches may have. */
export const sizeOf = { f32: 4, f16: 2, bf16: 2, q8_0: 34 / 32, q4_0: 18 / 32 } as const;
export type Stored = keyof typeof sizeOf;

/**
 * A tensor of small numbers. Never zeros: a page that nobody has written to is one shared page of zeros, which stays in the caches however much
 * of it is read.
 */
export function filled(device: Device, shape: readonly number[], dtype: Stored): Tensor {
  const bytes = new Uint8Array(shape.reduce((product, size) => product * size, sizeOf[dtype]));
  const numbers = Array.from({ length: 4096 }, (_, i) => (((i * 37) % 64) + 0.5) / 64 - 0.5);
  const pattern = isBlockDType(dtype) ? quantise(numbers, dtype) : encode(dtype, numbers);
  for (let at = 0; at < bytes.length; at += pattern.length) {
    bytes.set(pattern.subarray(0, Math.min(pattern.length, bytes.length - at)), at);
  }
  return device.tensorFromBytes(bytes, shape, dtype);
}
