import { defineOp, ints } from "../define-op.js";
import { philox } from "../philox.js";

/**
 * The random words that all sampling stands on, as an op: every device must give exactly these.
 *
 * `counters` `[rows, 4]`, `keys` `[rows, 2]` → `[rows, 4]`, unsigned words stored as i32.
 */
export const philoxWords = defineOp({
  name: "philoxWords",
  args: { counters: ints("rows", "four"), keys: ints("rows", "two") },
  outputs: ({ counters }) => [{ shape: [counters.shape[0]!, 4], dtype: "i32" }],
  reference({ counters, keys }, [words]) {
    for (let row = 0; row < counters.size(0); row++) {
      const random = philox(
        [counters.at(row, 0), counters.at(row, 1), counters.at(row, 2), counters.at(row, 3)],
        [keys.at(row, 0), keys.at(row, 1)],
      );
      random.forEach((word, i) => words.set(word | 0, row, i));
    }
  },
  bound() {},
});
