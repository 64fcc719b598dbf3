import { attribute, blockWeights, defineOp, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";

/**
 * Rows of a table: `y[r] = table[ids[r]]`.
 *
 * `table` `[vocab, hidden]`, `ids` `[rows]` → `[rows, hidden]`, rounded once to the dtype `as`. Default: f32, exact.
 * An id outside of the table fails the op (`DeviceError`), except that a negative one (a padding row) gives zeros.
 */
export const embedding = defineOp({
  name: "embedding",
  args: { table: blockWeights("vocab", "hidden"), ids: ints("rows"), as: attribute.dtype },
  outputs: ({ table, ids, as = "f32" }) => [{ shape: [ids.shape[0]!, table.shape[1]!], dtype: as }],

  reference({ table, ids }, [y]) {
    for (let row = 0; row < ids.size(0); row++) {
      const id = ids.at(row);
      if (id >= table.size(0))
        throw new DeviceError("embedding", `id ${id} in row ${row} is outside of the table of ${table.size(0)} rows`);
      for (let i = 0; i < table.size(1); i++) y.set(id < 0 ? 0 : table.at(id, i), row, i);
    }
  },

  bound() {},
});
