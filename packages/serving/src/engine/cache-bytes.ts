import { type AttentionShape, bytesOf, type Device } from "@whittle/core";

const GIB = 2 ** 30;

/** Blocks are given out whole: a context takes as many tokens as fill its last block, in blocks of up to so many. */
const LARGEST_BLOCK = 64;

/**
 * Bytes for the cache where nobody said how many: so that `sequences` requests find room for a whole `context` each, but at most 1 GiB (unless a single
 * context needs more) and at most half of what the device has free, which leaves room for activations and other models. Keys and values as they are computed.
 */
export function defaultCacheBytes(
  layers: readonly AttentionShape[],
  device: Device,
  sequences: number,
  context: number,
): number {
  const tokens = Math.ceil(context / LARGEST_BLOCK) * LARGEST_BLOCK;
  const bytesOfContext =
    tokens *
    layers.reduce((sum, { kvHeads, headDim, dtype = "f32" }) => sum + 2 * bytesOf(dtype) * kvHeads * headDim, 0);
  const { budget, live } = device.memory();
  return Math.min(sequences * bytesOfContext, Math.max(GIB, bytesOfContext), Math.floor((budget - live) / 2));
}
