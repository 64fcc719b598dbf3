import { defineOp, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";

/**
 * The tokens of a step of which some were sampled by the step before and are known to the device alone: `y[i] = from[i] < 0 ? tokens[i] : sampled[from[i]]`.
 *
 * `tokens`, `from` `[rows]`, `sampled` `[drawn]` → `[rows]` i32, exact. An index outside of `sampled` fails the op.
 */
export const mixTokens = defineOp({
  name: "mixTokens",
  args: { tokens: ints("rows"), sampled: ints("drawn"), from: ints("rows") },
  outputs: ({ tokens }) => [{ shape: tokens.shape, dtype: "i32" }],

  reference({ tokens, sampled, from }, [y]) {
    for (let row = 0; row < tokens.size(0); row++) {
      const index = from.at(row);
      if (index >= sampled.size(0))
        throw new DeviceError("mixTokens", `row ${row} takes sampled id ${index} of ${sampled.size(0)}`);
      y.set(index < 0 ? tokens.at(row) : sampled.at(index), row);
    }
  },

  bound() {},
});
