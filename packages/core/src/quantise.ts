import { blockCodecs, type BlockDType } from "./block-formats.js";
import { ShapeError } from "./errors.js";
import { numberToF16 } from "./half-precision.js";
import { quantiseBlockQ4K, quantiseBlockQ6K } from "./quantise-k.js";

/**
 * Numbers as blocks, bit for bit as ggml's reference quantisers make them (`quantize_row_q8_0_ref` and so on, compiled without fused multiply-add):
 *
 * - `q8_0`: d = max|x| / 127, q = x / d to the nearest integer, halfway away from zero.
 * - `q4_0`: d = m / −8 with m the value of largest magnitude (the first of equals), n = min(15, ⌊x / d + 8.5⌋).
 * - `q4_K`, `q6_K`: each run's scale (and min) is searched for the least weighted error; see quantise-k.ts. Some 20 times the work.
 *
 * Divisions are by the f32 number 1 / d in q8_0 and q4_0, before d is rounded to f16. A block with an element that is not finite is NaN as a whole.
 * @throws ShapeError unless `values` are whole blocks.
 */
export function quantise(values: ArrayLike<number>, dtype: BlockDType): Uint8Array {
  const { bytes: size, elements } = blockCodecs[dtype];
  if (values.length % elements !== 0)
    throw new ShapeError(
      `quantise: ${dtype} stores blocks of ${elements} elements, but there are ${values.length} values`,
    );
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  const bytes = new Uint8Array((floats.length / elements) * size);
  const quantiseBlock = quantisers[dtype];
  for (let from = 0, byte = 0; from < floats.length; from += elements, byte += size)
    quantiseBlock(floats, from, bytes, byte);
  return bytes;
}

const quantisers = {
  q8_0: quantiseBlockQ8,
  q4_0: quantiseBlockQ4,
  q4_K: quantiseBlockQ4K,
  q6_K: quantiseBlockQ6K,
} as const;

/** Elements of a block of q8_0 or q4_0. */
const blockElements = 32;

function storeScale(bytes: Uint8Array, byte: number, scale: number): void {
  const bits = numberToF16(scale);
  bytes[byte] = bits & 0xff;
  bytes[byte + 1] = bits >>> 8;
}

/** The value of largest magnitude, the first of equals; NaN if one is not finite. */
function extreme(x: Float32Array, from: number): number {
  let largest = 0;
  let magnitude = 0;
  for (let i = from; i < from + blockElements; i++) {
    const value = x[i]!;
    if (!Number.isFinite(value)) return NaN;
    if (Math.abs(value) > magnitude) {
      magnitude = Math.abs(value);
      largest = value;
    }
  }
  return largest;
}

function quantiseBlockQ8(x: Float32Array, from: number, bytes: Uint8Array, byte: number): void {
  const scale = Math.fround(Math.abs(extreme(x, from)) / 127);
  const inverse = inverseOf(scale);
  for (let i = 0; i < blockElements; i++) {
    const value = Math.fround(x[from + i]! * inverse);
    bytes[byte + 2 + i] = value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
  }
  storeScale(bytes, byte, scale);
}

function quantiseBlockQ4(x: Float32Array, from: number, bytes: Uint8Array, byte: number): void {
  const scale = Math.fround(extreme(x, from) / -8);
  const inverse = inverseOf(scale);
  for (let i = 0; i < 16; i++) {
    // In float64, where product and sum are as good as exact: C gives this where it fuses them.
    const low = Math.min(15, Math.floor(x[from + i]! * inverse + 8.5));
    const high = Math.min(15, Math.floor(x[from + 16 + i]! * inverse + 8.5));
    bytes[byte + 2 + i] = low | (high << 4);
  }
  storeScale(bytes, byte, scale);
}

/** 0 where there is nothing to divide by: a block of zeros, one whose scale f16 cannot tell from 0, and one whose scale is NaN; their codes are then 0 or without meaning. */
function inverseOf(scale: number): number {
  const inverse = Math.fround(1 / scale);
  return Number.isFinite(inverse) ? inverse : 0;
}
