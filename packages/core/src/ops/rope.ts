import { activations, attribute, defineOp, floats } from "../define-op.js";
import { ShapeError } from "../errors.js";
import { describe, like, type TensorType } from "../tensor.js";
import { sumBound } from "./bounds.js";

/**
 * Rotates the two halves of every head by its row's angles: `(a, b) → (a·cos − b·sin, b·cos + a·sin)`.
 *
 * `x` `[rows, heads·headDim]`, `table` `[rows, headDim]` from `ropeTable` → like `x`. Pairs are (i, i + headDim/2), as Hugging Face checkpoints store them; those of an
 * `interleaved` `x` are (2i, 2i + 1), as GGUF files store them, and come out half a head apart all the same: what follows is then the same to the bit.
 */
export const rope = defineOp({
  name: "rope",
  args: { x: activations("rows", "width"), table: floats("rows", "headDim"), interleaved: attribute.boolean },
  outputs: ({ x, table }) => {
    checkRotation("rope", { x }, table);
    return [like(x)];
  },

  reference({ x, table, interleaved }, [y]) {
    const half = table.size(1) / 2;
    const [step, apart] = interleaved ? [2, 1] : [1, half];
    for (let row = 0; row < x.size(0); row++) {
      for (let head = 0; head < x.size(1); head += 2 * half) {
        for (let i = 0; i < half; i++) {
          const [a, b] = [x.at(row, head + step * i), x.at(row, head + step * i + apart)];
          const [cos, sin] = [table.at(row, i), table.at(row, half + i)];
          y.set(a * cos - b * sin, row, head + i);
          y.set(b * cos + a * sin, row, head + half + i);
        }
      }
    }
  },

  bound({ x, table, interleaved }, [limit]) {
    const half = table.size(1) / 2;
    const [step, apart] = interleaved ? [2, 1] : [1, half];
    for (let row = 0; row < x.size(0); row++) {
      for (let i = 0; i < x.size(1); i++) {
        const place = i % (2 * half);
        const pair = i - place + step * (place % half);
        const [own, other] = place < half ? [pair, pair + apart] : [pair + apart, pair];
        const [cos, sin] = [table.at(row, place % half), table.at(row, half + (place % half))];
        limit!.set(sumBound(2, Math.abs(x.at(row, own) * cos) + Math.abs(x.at(row, other) * sin)), row, i);
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
