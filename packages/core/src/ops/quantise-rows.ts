import { attribute, defineOp, weights } from "../define-op.js";
import { quantise } from "../quantise.js";

/**
 * Rows of stored numbers as blocks, byte for byte as `quantise` makes them.
 *
 * `x` `[rows, columns]` → `[rows, columns]` of the block format `as`. Rows must be whole blocks.
 */
export const quantiseRows = defineOp({
  name: "quantiseRows",
  args: { x: weights("rows", "columns"), as: attribute.blocks },
  outputs: ({ x, as }) => [{ shape: x.shape, dtype: as }],

  reference({ x, as }, [y]) {
    const row = new Float32Array(x.size(1));
    for (let i = 0; i < x.size(0); i++) {
      for (let j = 0; j < row.length; j++) row[j] = x.at(i, j);
      y.setBlocks(quantise(row, as), i);
    }
  },

  bound() {},
});
