import { codecs } from "../dtypes.js";
import { blockWeights, defineOp, weights } from "../define-op.js";
import { type HostTensor } from "../host-tensor.js";

/**
 * How far rows are from what they should be: `sums[r] = (Σᵢ (x[r, i] − y[r, i])², Σᵢ x[r, i]²)`, summed in float64.
 *
 * `x`, `y` `[rows, columns]` → `[rows, 2]` f32.
 */
export const squaredError = defineOp({
  name: "squaredError",
  args: { x: weights("rows", "columns"), y: blockWeights("rows", "columns") },
  outputs: ({ x }) => [{ shape: [x.shape[0]!, 2], dtype: "f32" }],

  reference({ x, y }, [sums]) {
    for (let row = 0; row < x.size(0); row++) sumsOf(x, y, row).forEach((sum, i) => sums.set(sum, row, i));
  },

  // In float64 nothing but the last rounding shows; an element of q4_K is rounded to f32 before.
  bound({ x, y }, [limits]) {
    const { unit, largest } = codecs.f32;
    for (let row = 0; row < x.size(0); row++)
      sumsOf(x, y, row).forEach((sum, i) => limits!.set(sum > largest ? Infinity : 4 * unit * sum + 2 ** -149, row, i));
  },
});

function sumsOf(x: HostTensor, y: HostTensor, row: number): [error: number, size: number] {
  let [error, size] = [0, 0];
  for (let i = 0; i < x.size(1); i++) {
    const value = x.at(row, i);
    error += (value - y.at(row, i)) ** 2;
    size += value ** 2;
  }
  return [error, size];
}
