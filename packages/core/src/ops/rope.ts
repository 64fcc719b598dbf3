import { activations, defineOp, floats } from "../define-op.js";
import { ShapeError } from "../errors.js";
import { describe, like, type TensorType } from "../tensor.js";
import { sumBound } from "./bounds.js";

/**
 * Rotates the two halves of every head by its row's angles: `(a, b) → (a·cos − b·sin, b·cos + a·sin)`.
 *
 * `x` `[rows, heads·headDim]`, `table` `[rows, headDim]` from `ropeTable` → like `x`. Pairs are (i, i + headDim/2), as Hugging Face checkpoints store them.
 */
export const rope = defineOp({
  name: "rope",
  args: { x: activations("rows", "width"), table: floats("rows", "headDim") },
  outputs: ({ x, table }) => {
    checkRotation("rope", { x }, table);
    return [like(x)];
  },

  reference({ x, table }, [y]) {
    const half = table.size(1) / 2;
    for (let row = 0; row < x.size(0); row++) {
      for (let head = 0; head < x.size(1); head += 2 * half) {
        for (let i = 0; i < half; i++) {
          const [a, b] = [x.at(row, head + i), x.at(row, head + half + i)];
          const [cos, sin] = [table.at(row, i), table.at(row, half + i)];
          y.set(a * cos - b * sin, row, head + i);
          y.set(b * cos + a * sin, row, head + half + i);
        }
      }
    }
  },

  bound({ x, table }, [limit]) {
    const half = table.size(1) / 2;
    for (let row = 0; row < x.size(0); row++) {
      for (let i = 0; i < x.size(1); i++) {
        const place = i % (2 * half);
        const other = place < half ? i + half : i - half;
        const [cos, sin] = [table.at(row, place % half), table.at(row, half + (place % half))];
        limit!.set(sumBound(2, Math.abs(x.at(row, i) * cos) + Math.abs(x.at(row, other) * sin)), row, i);
      }
    }
  },
});

/** @throws ShapeError if a tensor does not hold whole heads of the table's angles. */
export function checkRotation(op: string, tensors: Readonly<Record<string, TensorType>>, table: TensorType): void {
  const headDim = table.shape[1]!;
  for (const [name, x] of Object.entries(tensors)) {
    if (headDim === 0 || headDim % 2 !== 0 || x.shape[1]! % headDim !== 0) {
      throw new ShapeError(
        `${op}: ${name} must hold whole heads of ${headDim} elements, an even number, but is ${describe(x)}`,
      );
    }
  }
}
