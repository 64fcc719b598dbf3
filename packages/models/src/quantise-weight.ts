import { setImmediate } from "node:timers/promises";
import {
  blockCodecs,
  type BlockDType,
  bytesOf,
  decode,
  type Device,
  quantise,
  quantiseRows,
  squaredError,
  type Tensor,
} from "@whittle/core";

/** A matrix in blocks, and how far it is off. */
export interface QuantisedWeight {
  readonly tensor: Tensor;
  readonly squares: Squares;
}

/** Σ(w − ŵ)² and Σw². */
export interface Squares {
  readonly error: number;
  readonly size: number;
}

/**
 * Quantises a matrix whose rows are whole blocks, beside the event loop where a device has kernels for it: its own, or else `helper`. Where none has, JavaScript does it, a slice
 * at a time. The bytes are the same.
 */
export async function quantiseWeight(weight: Tensor, dtype: BlockDType, helper?: Device): Promise<QuantisedWeight> {
  const { device, shape } = weight;
  if (canQuantise(device)) return quantiseThere(weight, dtype);
  if (!helper || !canQuantise(helper)) return quantiseHere(weight, dtype);
  const moved = helper.tensorFromBytes(await weight.readBytes(), shape, weight.dtype);
  try {
    const { tensor, squares } = await quantiseThere(moved, dtype);
    const bytes = tensor.readBytes();
    tensor.dispose();
    const blocks = await bytes;
    return { tensor: device.unscoped(() => device.tensorFromBytes(blocks, shape, dtype)), squares };
  } finally {
    moved.dispose();
  }
}

function canQuantise(device: Device): boolean {
  return device.supports(quantiseRows) && device.supports(squaredError);
}

async function quantiseThere(weight: Tensor, dtype: BlockDType): Promise<QuantisedWeight> {
  const { device } = weight;
  const tensor = device.unscoped(() => quantiseRows({ x: weight, as: dtype }));
  try {
    const sums = device.unscoped(() => squaredError({ x: weight, y: tensor }));
    const read = sums.read();
    sums.dispose();
    return { tensor, squares: addUp(await read) };
  } catch (error) {
    tensor.dispose();
    throw error;
  }
}

/** Sums of rows as `squaredError` has them. */
function addUp(sums: ArrayLike<number>): Squares {
  let [error, size] = [0, 0];
  for (let i = 0; i < sums.length; i += 2) {
    error += sums[i]!;
    size += sums[i + 1]!;
  }
  return { error, size };
}

async function quantiseHere(weight: Tensor, dtype: BlockDType): Promise<QuantisedWeight> {
  const { device, shape } = weight;
  const values = (await weight.read()) as Float32Array;
  let [error, size] = [0, 0];
  const blocks = await quantiseInSlices(values, dtype, (slice, quantised) => {
    const decoded = decode(dtype, quantised) as Float32Array;
    for (let i = 0; i < slice.length; i++) {
      error += (slice[i]! - decoded[i]!) ** 2;
      size += slice[i]! ** 2;
    }
  });
  return { tensor: device.unscoped(() => device.tensorFromBytes(blocks, shape, dtype)), squares: { error, size } };
}

/** Elements between two turns of the event loop: some 5 ms of the slowest format. */
const sliceElements = 2 ** 14;

/** `quantise` for many values at once: the event loop turns after each slice. */
export async function quantiseInSlices(
  values: Float32Array,
  dtype: BlockDType,
  onSlice?: (slice: Float32Array, blocks: Uint8Array) => void,
): Promise<Uint8Array> {
  if (values.length % blockCodecs[dtype].elements !== 0) return quantise(values, dtype); // which throws
  const bytes = new Uint8Array(values.length * bytesOf(dtype));
  for (let from = 0; from < values.length; from += sliceElements) {
    const slice = values.subarray(from, from + sliceElements);
    const blocks = quantise(slice, dtype);
    bytes.set(blocks, from * bytesOf(dtype));
    onSlice?.(slice, blocks);
    await setImmediate();
  }
  return bytes;
}
