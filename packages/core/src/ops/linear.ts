import { defineOp, floats, optional, weights } from "../define-op.js";
import { sumBound } from "./bounds.js";

/**
 * `y = x · weightᵀ + bias`.
 *
 * `x` `[rows, in]`, `weight` `[out, in]`, `bias` `[out]` → `[rows, out]` f32. Sums are f32.
 */
export const linear = defineOp({
  name: "linear",
  args: { x: floats("rows", "in"), weight: weights("out", "in"), bias: optional(weights("out")) },
  outputs: ({ x, weight }) => [{ shape: [x.shape[0]!, weight.shape[0]!], dtype: "f32" }],

  reference({ x, weight, bias }, [y]) {
    for (let row = 0; row < x.size(0); row++) {
      for (let out = 0; out < weight.size(0); out++) {
        let sum = bias?.at(out) ?? 0;
        for (let i = 0; i < x.size(1); i++) sum += x.at(row, i) * weight.at(out, i);
        y.set(sum, row, out);
      }
    }
  },

  bound({ x, weight, bias }, [limit]) {
    for (let row = 0; row < x.size(0); row++) {
      for (let out = 0; out < weight.size(0); out++) {
        let magnitude = Math.abs(bias?.at(out) ?? 0);
        for (let i = 0; i < x.size(1); i++) magnitude += Math.abs(x.at(row, i) * weight.at(out, i));
        limit!.set(sumBound(x.size(1) + 1, magnitude), row, out);
      }
    }
  },
});
