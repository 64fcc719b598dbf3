import { ArgumentError } from "../errors.js";
import { linearSparse24 } from "../ops/linear-sparse-24.js";
import { valuesComplaint, partComplaint } from "./part-checks.js";
import { bitsOf, bytesOfArray, type SparseFormat, zerosLike } from "./sparse-format.js";

/**
 * Two elements of each four along a row, as `linearSparse24` has them. Where fewer are not zero, zeros fill the pair. 16-bit weights take 9/16 of their bytes.
 */
export const sparse24: SparseFormat = {
  name: "sparse24",
  op: linearSparse24,
  partNames: ["values", "scales", "indices"],
  layoutNames: ["indices"],

  product(x, { parts }, bias, as) {
    return linearSparse24({
      x,
      values: parts["values"]!,
      indices: parts["indices"]!,
      scales: parts["scales"],
      bias,
      as,
    });
  },

  misfit(matrix) {
    const { bits, magnitude } = bitsOf(matrix);
    const [out, columns] = matrix.shape as [number, number];
    let [full, where] = [0, ""];
    for (let row = 0; row < out; row++) {
      for (let group = 0; group < columns; group += 4) {
        let found = 0;
        for (let column = group; column < Math.min(group + 4, columns); column++)
          if ((bits[row * columns + column]! & magnitude) !== 0) found++;
        if (found <= 2) continue;
        if (full++ === 0) where = `row ${row}, columns ${group} to ${Math.min(group + 4, columns) - 1}`;
      }
    }
    const groups = out * Math.ceil(columns / 4);
    return full === 0 ? undefined : `${full} of ${groups} groups of 4 have more than 2 elements, the first in ${where}`;
  },

  pack(matrix) {
    const { bits, magnitude } = bitsOf(matrix);
    const [out, columns] = matrix.shape as [number, number];
    const groups = Math.ceil(columns / 4);
    const nibbles = Math.ceil(groups / 2);
    const values = zerosLike(bits, out * 2 * groups);
    const indices = new Uint8Array(out * nibbles);
    for (let row = 0; row < out; row++) {
      for (let group = 0; group < groups; group++) {
        const from = row * columns + 4 * group;
        const width = Math.min(4, columns - 4 * group);
        let [first, second, found] = [0, 0, 0];
        for (let column = 0; column < width; column++) {
          if ((bits[from + column]! & magnitude) === 0) continue;
          if (found === 0) first = column;
          else second = column;
          if (++found > 2) throw new ArgumentError(`sparse24: ${sparse24.misfit(matrix)}`);
        }
        if (found < 2) {
          // Any other column completes the pair: the next, or before the last.
          if (first === 3) [first, second] = [2, 3];
          else second = first + 1;
        }
        const at = 2 * (row * groups + group);
        if (first < width) values[at] = bits[from + first]!;
        if (second < width) values[at + 1] = bits[from + second]!;
        indices[row * nibbles + (group >> 1)]! |= (first | (second << 2)) << (4 * (group & 1));
      }
    }
    return {
      values: { dtype: matrix.dtype, shape: [out, 2 * groups], bytes: bytesOfArray(values) },
      indices: { dtype: "u8", shape: [out, nibbles], bytes: indices },
    };
  },

  unpack(parts, shape) {
    const [out, columns] = shape as [number, number];
    const { bits } = bitsOf(parts["values"]!);
    const indices = parts["indices"]!.bytes;
    const kept = 2 * Math.ceil(columns / 4);
    const nibbles = Math.ceil(kept / 4);
    const matrix = zerosLike(bits, out * columns);
    for (let row = 0; row < out; row++) {
      for (let i = 0; i < kept; i++) {
        const code = (indices[row * nibbles + (i >> 2)]! >> (2 * (i & 3))) & 3;
        const column = 4 * (i >> 1) + code;
        if (column < columns) matrix[row * columns + column] = bits[row * kept + i]!;
      }
    }
    return { dtype: parts["values"]!.dtype, shape, bytes: bytesOfArray(matrix) };
  },

  complaint(parts, shape) {
    const [out, columns] = shape as [number, number];
    const groups = Math.ceil(columns / 4);
    const nibbles = Math.ceil(groups / 2);
    return (
      valuesComplaint(parts, [out, 2 * groups], shape) ??
      partComplaint("indices", parts["indices"], "u8", [out, nibbles]) ??
      disorder(parts["indices"]!.bytes, out, groups, nibbles)
    );
  },
};

/** The first pair whose columns do not ascend, or bits that belong to none. */
function disorder(indices: Uint8Array | undefined, out: number, groups: number, nibbles: number): string | undefined {
  if (!indices) return undefined;
  for (let row = 0; row < out; row++) {
    for (let byte = 0; byte < nibbles; byte++) {
      const code = indices[row * nibbles + byte]!;
      const last = 2 * byte + 1 === groups;
      if (last && code >> 4 !== 0) return `indices of row ${row} have bits past the last group`;
      if (ascending(code & 15) && (last || ascending(code >> 4))) continue;
      return `indices of row ${row} do not ascend within group ${2 * byte + (ascending(code & 15) ? 1 : 0)}`;
    }
  }
  return undefined;
}

function ascending(nibble: number): boolean {
  return (nibble & 3) < nibble >> 2;
}
