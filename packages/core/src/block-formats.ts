// `import type` leaves nothing behind at run time: dtypes.ts needs this file while it is loaded.
import type { Codec, DType } from "./dtypes.js";
import { ArgumentError, ShapeError } from "./errors.js";
import { f16ToNumber } from "./half-precision.js";
import { decodeBlockQ4K, decodeBlockQ6K, type KBlockDType, kBlockCodecs } from "./k-blocks.js";
import { formatShape, type Shape } from "./shape.js";

/**
 * Formats whose elements are stored in blocks along a row, byte for byte as GGUF lays them out (ggml's `block_q8_0`, `block_q4_0`, `block_q4_K`, `block_q6_K`). d and dmin are f16.
 *
 * - `q8_0`, 32 elements in 34 bytes: d, then 32 signed bytes q; an element is d · q.
 * - `q4_0`, 32 elements in 18 bytes: d, then 16 bytes, whose low nibbles n are the elements 0 to 15 and whose high ones the elements 16 to 31; an element is d · (n − 8).
 * - `q4_K`, 256 elements in 144 bytes: d, dmin, 12 bytes with a scale s and a min m of 6 bits for each run of 32 (in k-blocks.ts), then 128 bytes, of which each 32 hold two runs:
 *   the low nibbles n the first, the high ones the second; an element is d · s · n − dmin · m.
 * - `q6_K`, 256 elements in 210 bytes: the low 4 bits of the codes n (128 bytes), their upper 2 (64 bytes), 16 signed bytes s, one for each 16 elements, and d. A half of the block,
 *   128 elements, has four runs of 32: runs 0 and 1 are the low nibbles, runs 2 and 3 the high ones of its two times 32 bytes, and run r has the bits 2r and 2r + 1 of its 32 upper
 *   bytes; an element is d · s · (n − 32).
 *
 * Every element is an f32 number: those of q8_0, q4_0 and q6_K exactly, with at most 23 significant bits; in q4_K both products are exact and their difference is rounded to f32
 * once, so that ggml, with or without fused multiply-add, and every device of ours give the same bits. Tensors of them are counted in elements; their last size is a multiple of
 * the block's.
 */
export type BlockDType = "q8_0" | "q4_0" | KBlockDType;

export const blockDTypes: readonly BlockDType[] = ["q8_0", "q4_0", "q4_K", "q6_K"];

/** Elements of a block of q8_0 or q4_0. */
const smallBlockElements = 32;

export function isBlockDType(dtype: DType): dtype is BlockDType {
  return dtype === "q8_0" || dtype === "q4_0" || dtype === "q4_K" || dtype === "q6_K";
}

/** @throws ShapeError unless rows of this shape are whole blocks (of other dtypes: never). */
export function checkBlocks(dtype: DType, shape: Shape, what: string): void {
  if (!isBlockDType(dtype)) return;
  const { elements } = blockCodecs[dtype];
  const columns = shape[shape.length - 1];
  if (columns === undefined || columns % elements !== 0)
    throw new ShapeError(
      `${what}: ${dtype} stores blocks of ${elements} elements along a row, but the shape is ${formatShape(shape)}`,
    );
}

const set = () => {
  throw new ArgumentError("the elements of a block share a scale and cannot be written one by one: use quantise()");
};
const smallBlock = { elements: smallBlockElements, set };

export const blockCodecs: Readonly<Record<BlockDType, Codec>> = {
  q8_0: {
    ...smallBlock,
    id: 6,
    bytes: 34,
    unit: 2 ** -8,
    largest: 65504 * 127,
    smallestNormal: 2 ** -24,
    get: (v, i, element = 0) => f16ToNumber(v.getUint16(i, true)) * v.getInt8(i + 2 + element),
  },
  q4_0: {
    ...smallBlock,
    id: 7,
    bytes: 18,
    unit: 2 ** -4,
    largest: 65504 * 8,
    smallestNormal: 2 ** -24,
    get: (v, i, element = 0) => {
      const nibbles = v.getUint8(i + 2 + (element % 16));
      return f16ToNumber(v.getUint16(i, true)) * ((element < 16 ? nibbles & 15 : nibbles >>> 4) - 8);
    },
  },
  q4_K: { ...kBlockCodecs.q4_K, set },
  q6_K: { ...kBlockCodecs.q6_K, set },
};

/** All elements of whole blocks: what the codecs give one by one, for many. */
export function decodeBlocks(dtype: BlockDType, bytes: Uint8Array, values: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { bytes: size, elements } = blockCodecs[dtype];
  const decodeBlock = decoders[dtype];
  for (let from = 0, byte = 0; from < values.length; from += elements, byte += size)
    decodeBlock(view, byte, values, from);
}

const decoders = { q8_0: decodeBlockQ8, q4_0: decodeBlockQ4, q4_K: decodeBlockQ4K, q6_K: decodeBlockQ6K } as const;

function decodeBlockQ8(view: DataView, byte: number, values: Float32Array, from: number): void {
  const scale = f16ToNumber(view.getUint16(byte, true));
  for (let i = 0; i < smallBlockElements; i++) values[from + i] = scale * view.getInt8(byte + 2 + i);
}

function decodeBlockQ4(view: DataView, byte: number, values: Float32Array, from: number): void {
  const scale = f16ToNumber(view.getUint16(byte, true));
  for (let i = 0; i < 16; i++) {
    const nibbles = view.getUint8(byte + 2 + i);
    values[from + i] = scale * ((nibbles & 15) - 8);
    values[from + i + 16] = scale * ((nibbles >>> 4) - 8);
  }
}
