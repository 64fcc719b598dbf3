import { ArgumentError } from "../errors.js";
import { linearSparseMask } from "../ops/linear-sparse-mask.js";
import { partComplaint, valuesComplaint } from "./part-checks.js";
import { bitsOf, bytesOfArray, type SparseFormat, zerosLike } from "./sparse-format.js";

/** The most values of one weight: offsets are i32. */
const maxKept = 2 ** 31 - 1;

/** A bit for each element and the elements that are not zero, as `linearSparseMask` has them. 16-bit weights of which half are zeros take 9/16 of their bytes. */
export const sparseMask: SparseFormat = {
  name: "sparseMask",
  op: linearSparseMask,
  partNames: ["offsets", "values", "scales", "mask"],
  layoutNames: ["offsets", "mask"],

  product(x, { parts }, bias, as) {
    const { values, mask, offsets, scales } = parts as Record<"values" | "mask" | "offsets", (typeof parts)[string]> &
      typeof parts;
    return linearSparseMask({ x, values, mask, offsets, scales, bias, as });
  },

  misfit: () => undefined,

  pack(matrix) {
    const { bits, magnitude } = bitsOf(matrix);
    const [out, columns] = matrix.shape as [number, number];
    let kept = 0;
    for (let i = 0; i < bits.length; i++) if ((bits[i]! & magnitude) !== 0) kept++;
    if (kept > maxKept)
      throw new ArgumentError(`sparseMask: ${kept} elements are not zero, at most ${maxKept} are possible`);
    const rowBytes = Math.ceil(columns / 8);
    const values = zerosLike(bits, kept);
    const mask = new Uint8Array(out * rowBytes);
    const offsets = new Int32Array(out);
    let next = 0;
    for (let row = 0; row < out; row++) {
      offsets[row] = next;
      for (let column = 0; column < columns; column++) {
        const element = bits[row * columns + column]!;
        if ((element & magnitude) === 0) continue;
        values[next++] = element;
        mask[row * rowBytes + (column >> 3)]! |= 1 << (column & 7);
      }
    }
    return {
      offsets: { dtype: "i32", shape: [out], bytes: bytesOfArray(offsets) },
      values: { dtype: matrix.dtype, shape: [kept], bytes: bytesOfArray(values) },
      mask: { dtype: "u8", shape: [out, rowBytes], bytes: mask },
    };
  },

  unpack(parts, shape) {
    const [out, columns] = shape as [number, number];
    const { bits } = bitsOf(parts["values"]!);
    const mask = parts["mask"]!.bytes;
    const rowBytes = Math.ceil(columns / 8);
    const matrix = zerosLike(bits, out * columns);
    let next = 0;
    for (let row = 0; row < out; row++) {
      for (let column = 0; column < columns; column++)
        if ((mask[row * rowBytes + (column >> 3)]! >> (column & 7)) & 1) matrix[row * columns + column] = bits[next++]!;
    }
    return { dtype: parts["values"]!.dtype, shape, bytes: bytesOfArray(matrix) };
  },

  complaint(parts, shape) {
    const [out, columns] = shape as [number, number];
    const { values, mask, offsets } = parts;
    const rowBytes = Math.ceil(columns / 8);
    const wrong =
      valuesComplaint(parts, values?.shape.length === 1 ? values.shape : [0], shape) ??
      partComplaint("mask", mask, "u8", [out, rowBytes]) ??
      partComplaint("offsets", offsets, "i32", [out]);
    if (wrong !== undefined || !mask!.bytes || !offsets!.bytes) return wrong;
    return miscount(mask!.bytes, offsets!.bytes, values!.shape[0]!, [out, columns]);
  },
};

/** The first row whose offset is not the number of bits before it, or bits that stand for no value. */
function miscount(
  mask: Uint8Array,
  offsetBytes: Uint8Array,
  kept: number,
  [out, columns]: readonly [number, number],
): string | undefined {
  const offsets = new DataView(offsetBytes.buffer, offsetBytes.byteOffset, offsetBytes.byteLength);
  const rowBytes = Math.ceil(columns / 8);
  const stray = columns % 8 === 0 ? 0 : 0xff & (0xff << (columns % 8));
  let bits = 0;
  for (let row = 0; row < out; row++) {
    const offset = offsets.getInt32(4 * row, true);
    if (offset !== bits)
      return `offsets say that row ${row} begins at value ${offset}, but the mask has ${bits} bits before it`;
    if (rowBytes > 0 && (mask[(row + 1) * rowBytes - 1]! & stray) !== 0)
      return `the mask of row ${row} has bits past its last column`;
    for (let byte = row * rowBytes; byte < (row + 1) * rowBytes; byte++) bits += bitCounts[mask[byte]!]!;
  }
  return bits === kept ? undefined : `the mask has ${bits} bits, but there are ${kept} values`;
}

const bitCounts = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
