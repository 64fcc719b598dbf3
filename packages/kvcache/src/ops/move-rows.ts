import { defineOp, DeviceError, ints, weights } from "@whittle/core";
import { copyRow } from "./append-kv-paged.js";

/**
 * Copies rows within a pool, one after another: `x[to] = x[from]`. Accepted rows of a draft tree close up with it, and a shared block is copied before it is written to.
 *
 * `x` `[slots, width]` (mutated), `moves` `[count, 2]`: from, to. A negative `from` or `to` moves nothing; one outside of the pool fails the op.
 */
export const moveRows = defineOp({
  name: "moveRows",
  args: { x: weights("slots", "width"), moves: ints("count", "two") },
  outputs: () => [],
  mutates: ["x"],

  reference({ x, moves }) {
    for (let i = 0; i < moves.size(0); i++) {
      const [from, to] = [moves.at(i, 0), moves.at(i, 1)];
      if (Math.max(from, to) >= x.size(0))
        throw new DeviceError("moveRows", `move ${i} goes from ${from} to ${to}, but there are ${x.size(0)} rows`);
      if (from >= 0 && to >= 0) copyRow(x, from, x, to);
    }
  },

  bound() {},
});
