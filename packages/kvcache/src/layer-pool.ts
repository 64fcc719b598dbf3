import { type AttentionShape, bytesOf, type Device, type DType, type Tensor } from "@whittle/core";

/** The keys and values of one layer: `[slots, kvHeads·headDim]` each. */
export interface LayerPool {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Bytes that one slot takes over all layers, keys and values together. */
export function bytesOfSlot(layers: readonly AttentionShape[], dtype: DType): number {
  return layers.reduce((bytes, { kvHeads, headDim }) => bytes + 2 * kvHeads * headDim * bytesOf(dtype), 0);
}

/** The content is undefined until it is written: no row sees a slot before. @throws OutOfMemory, with nothing left allocated. */
export function allocatePools(
  layers: readonly AttentionShape[],
  device: Device,
  slots: number,
  dtype: DType,
): LayerPool[] {
  const made: Tensor[] = [];
  const pool = (width: number) => {
    const tensor = device.unscoped(() => device.empty([slots, width], dtype, "floatCache"));
    made.push(tensor);
    return tensor;
  };
  try {
    return layers.map(({ kvHeads, headDim }) => ({ keys: pool(kvHeads * headDim), values: pool(kvHeads * headDim) }));
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}
