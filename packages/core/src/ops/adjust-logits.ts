import { codecs } from "../dtypes.js";
import { defineOp, floats, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";

/**
 * Changes chosen logits: `x = (x > 0 ? x / divisor : x · divisor) + offset`. Repetition penalties divide; frequency and presence penalties and biases are
 * offsets; an offset of −∞ forbids an id.
 *
 * `logits` `[rows, vocab]` (mutated), `places` `[count, 2]`: row and id, no place twice; `changes` `[count, 2]` f32: divisor and offset. A negative row changes
 * nothing (padding); a row or an id that there is not fails the op. Source of the rule: Keskar et al. 2019 (CTRL), §4.1, with the sign as in
 * transformers and vLLM.
 */
export const adjustLogits = defineOp({
  name: "adjustLogits",
  args: { logits: floats("rows", "vocab"), places: ints("count", "two"), changes: floats("count", "two") },
  outputs: () => [],
  mutates: ["logits"],

  reference({ logits, places, changes }) {
    for (let i = 0; i < places.size(0); i++) {
      const [row, id] = [places.at(i, 0), places.at(i, 1)];
      if (row < 0) continue;
      if (row >= logits.size(0) || id < 0 || id >= logits.size(1))
        throw new DeviceError(
          "adjustLogits",
          `change ${i} is at row ${row}, id ${id}, but there are ${logits.size(0)} rows of ${logits.size(1)}`,
        );
      const [x, divisor] = [logits.at(row, id), changes.at(i, 0)];
      logits.set((x > 0 ? x / divisor : x * divisor) + changes.at(i, 1), row, id);
    }
  },

  // One rounding of the quotient (or product), which is no larger than result and offset together, and one of the sum.
  bound({ logits, places, changes }, [limits]) {
    for (let i = 0; i < places.size(0); i++) {
      const [row, id, offset] = [places.at(i, 0), places.at(i, 1), changes.at(i, 1)];
      if (row < 0 || offset === -Infinity) continue;
      const size = Math.abs(logits.at(row, id)) + Math.abs(offset);
      limits!.set(size > 3.4e38 ? Infinity : 3 * codecs.f32.unit * size + 2 ** -148, row, id);
    }
  },
});
