import { defineOp, weights } from "../define-op.js";

/** `y[j, i] = x[i, j]`. `x` `[rows, columns]` → `[columns, rows]`, dtype of `x`, exact. */
export const transpose = defineOp({
  name: "transpose",
  args: { x: weights("rows", "columns") },
  outputs: ({ x }) => [{ shape: [x.shape[1]!, x.shape[0]!], dtype: x.dtype }],
  reference({ x }, [y]) {
    for (let i = 0; i < x.size(0); i++) for (let j = 0; j < x.size(1); j++) y.set(x.at(i, j), j, i);
  },
  bound() {},
});
