// `import type` leaves nothing behind at run time: dtypes.ts needs this file while it is loaded.
import type { Codec, DType } from "./dtypes.js";
import { ArgumentError, ShapeError } from "./errors.js";
import { f16ToNumber } from "./half-precision.js";
import { formatShape, type Shape } from "./shape.js";

/**
 * Formats whose elements are stored in blocks of 32 along a row, under one f16 scale d, byte for byte as GGUF (ggml's `block_q8_0` and `block_q4_0`) lays them out:
 *
 * - `q8_0`, 34 bytes: d, then 32 signed bytes q; an element is d · q.
 * - `q4_0`, 18 bytes: d, then 16 bytes, whose low nibbles n are the elements 0 to 15 and whose high ones the elements 16 to 31; an element is d · (n − 8).
 *
 * Every element is an f32 number exactly. Tensors of them are counted in elements; their last size is a multiple of 32.
 */
export type BlockDType = "q8_0" | "q4_0";

/** Elements of a block. */
export const blockElements = 32;

export function isBlockDType(dtype: DType): dtype is BlockDType {
  return dtype === "q8_0" || dtype === "q4_0";
}

/** @throws ShapeError unless rows of this shape are whole blocks (of other dtypes: never). */
export function checkBlocks(dtype: DType, shape: Shape, what: string): void {
  if (!isBlockDType(dtype)) return;
  const columns = shape[shape.length - 1];
  if (columns === undefined || columns % blockElements !== 0)
    throw new ShapeError(
      `${what}: ${dtype} stores blocks of ${blockElements} elements along a row, but the shape is ${formatShape(shape)}`,
    );
}

const block = {
  elements: blockElements,
  set: () => {
    throw new ArgumentError("the elements of a block share a scale and cannot be written one by one: use quantise()");
  },
};

export const blockCodecs: Readonly<Record<BlockDType, Codec>> = {
  q8_0: {
    ...block,
    id: 6,
    bytes: 34,
    unit: 2 ** -8,
    largest: 65504 * 127,
    smallestNormal: 2 ** -24,
    get: (v, i, element = 0) => f16ToNumber(v.getUint16(i, true)) * v.getInt8(i + 2 + element),
  },
  q4_0: {
    ...block,
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
};

/** All elements of whole blocks: what the codecs give one by one, for many. */
export function decodeBlocks(dtype: BlockDType, bytes: Uint8Array, values: Float32Array): void {
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0, byte = 0; i < values.length;) {
    const scale = f16ToNumber(bytes[byte]! | (bytes[byte + 1]! << 8));
    byte += 2;
    if (dtype === "q8_0") {
      for (let j = 0; j < blockElements; j++) values[i++] = scale * codes[byte++]!;
    } else {
      for (let j = 0; j < 16; j++, i++) {
        const nibbles = bytes[byte++]!;
        values[i] = scale * ((nibbles & 15) - 8);
        values[i + 16] = scale * ((nibbles >>> 4) - 8);
      }
      i += 16;
    }
  }
}
