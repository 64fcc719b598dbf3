import { defineOp, floats, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";

/**
 * Forbids ids row by row: their logits become −∞.
 *
 * `logits` `[rows, vocab]` (mutated), `mask` `[count, words]`: bit `id % 32` (lowest first) of word `⌊id / 32⌋` is set where an id is allowed, ids that no
 * word holds are forbidden; `at` `[count]`: the row that each mask is for. A negative row is padding; one that there is not fails the op.
 */
export const maskLogits = defineOp({
  name: "maskLogits",
  args: { logits: floats("rows", "vocab"), mask: ints("count", "words"), at: ints("count") },
  outputs: () => [],
  mutates: ["logits"],

  reference({ logits, mask, at }) {
    for (let i = 0; i < at.size(0); i++) {
      const row = at.at(i);
      if (row >= logits.size(0))
        throw new DeviceError("maskLogits", `mask ${i} is for row ${row} of ${logits.size(0)}`);
      if (row < 0) continue;
      for (let id = 0; id < logits.size(1); id++) {
        const word = id >> 5;
        const allowed = word < mask.size(1) && ((mask.at(i, word) >>> (id & 31)) & 1) === 1;
        if (!allowed) logits.set(-Infinity, row, id);
      }
    }
  },

  bound() {},
});
