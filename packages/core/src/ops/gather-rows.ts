import { anyDType, defineOp, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";

/**
 * Chosen rows: `y[i] = x[indices[i]]`.
 *
 * `x` `[rows, columns]`, `indices` `[count]` → `[count, columns]`, dtype of `x`, exact. An index outside of `x` fails the op.
 */
export const gatherRows = defineOp({
  name: "gatherRows",
  args: { x: anyDType("rows", "columns"), indices: ints("count") },
  outputs: ({ x, indices }) => [{ shape: [indices.shape[0]!, x.shape[1]!], dtype: x.dtype }],

  reference({ x, indices }, [y]) {
    for (let i = 0; i < indices.size(0); i++) {
      const row = indices.at(i);
      if (row < 0 || row >= x.size(0))
        throw new DeviceError("gatherRows", `index ${row} at ${i} is outside of ${x.size(0)} rows`);
      for (let j = 0; j < x.size(1); j++) y.set(x.at(row, j), i, j);
    }
  },

  bound() {},
});
