import { decode, encode } from "../dtypes.js";
import { numberToF16 } from "../half-precision.js";
import { scaleColumns } from "../ops/sparse-values.js";
import { bytesOfArray, type HostPart } from "./sparse-format.js";

/**
 * A matrix as 8-bit codes, by the rule of `q8_0` over 64 columns: d = max|w| / 127 and q = w / d to the nearest integer, halfway away from zero; an element then counts d · q, with d
 * rounded to f16. Zeros stay zeros, so what could be stored sparse still can. 64 columns with an element that is not finite are NaN as a whole.
 *
 * @returns `codes` i8, of the matrix's shape, and `scales` `[out, ⌈in / 64⌉]` f16.
 */
export function sparseCodes(matrix: HostPart): { codes: HostPart; scales: HostPart } {
  const [out, columns] = matrix.shape as [number, number];
  const values = decode(matrix.dtype, matrix.bytes);
  const codes = new Int8Array(values.length);
  const perRow = Math.ceil(columns / scaleColumns);
  const scales = new Uint16Array(out * perRow);
  for (let row = 0; row < out; row++) {
    for (let block = 0; block < perRow; block++) {
      const from = row * columns + block * scaleColumns;
      const to = Math.min(from + scaleColumns, (row + 1) * columns);
      let largest = 0;
      for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i]!));
      const scale = Math.fround(largest / 127);
      const inverse = Math.fround(1 / scale);
      if (Number.isFinite(scale) && Number.isFinite(inverse)) {
        for (let i = from; i < to; i++) {
          const value = Math.fround(values[i]! * inverse);
          codes[i] = value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
        }
      } else if (!Number.isFinite(scale)) {
        for (let i = from; i < to; i++) codes[i] = values[i] === 0 ? 0 : 1;
      }
      scales[row * perRow + block] = numberToF16(Number.isFinite(scale) ? scale : NaN);
    }
  }
  return {
    codes: { dtype: "i8", shape: matrix.shape, bytes: new Uint8Array(codes.buffer) },
    scales: { dtype: "f16", shape: [out, perRow], bytes: bytesOfArray(scales) },
  };
}

/** What codes count, as f32: exact. */
export function decodeSparseCodes(codes: HostPart, scales: HostPart): HostPart {
  const [out, columns] = codes.shape as [number, number];
  const [code, scale] = [decode("i8", codes.bytes), decode("f16", scales.bytes)];
  const perRow = Math.ceil(columns / scaleColumns);
  const values = new Float32Array(out * columns);
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < columns; column++) {
      const i = row * columns + column;
      // Where nothing is kept there is a plain zero, whatever the scale.
      if (code[i] !== 0) values[i] = code[i]! * scale[row * perRow + Math.floor(column / scaleColumns)]!;
    }
  }
  return { dtype: "f32", shape: codes.shape, bytes: encode("f32", values) };
}
