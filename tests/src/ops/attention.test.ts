import { attention } from "@whittle/core";
import { conformance } from "../conformance.js";
import { from, sizes, values } from "../conformance/index.js";

conformance(attention, {
  rows: sizes(0, 1, 7, 40),
  // Few rows over many keys: a device may spread the keys over its threads.
  keys: from(({ rows }, random) => random.pick(rows! > 7 ? [0, 1, 40, 64, 65, 200] : [1, 65, 200, 700])),
  kvHeads: sizes(1, 2, 3),
  group: sizes(1, 3, 4),
  headDim: sizes(1, 8, 20, 64),
  valueDim: sizes(1, 8, 20, 64),
  heads: from(({ kvHeads, group }) => kvHeads! * group!),
  width: from(({ heads, headDim }) => heads! * headDim!),
  keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
  valueWidth: from(({ kvHeads, valueDim }) => kvHeads! * valueDim!),
  two: sizes(2),
  scale: sizes(0.125, 1, -0.3),
  ranges: values(({ index, random, drawn }, [rows]) => {
    const keys = drawn.keys!;
    // By turns causal over sequences, full, and any range, empty ones and now and then one that does not exist among them.
    const kind = index % 3;
    let start = 0;
    return Array.from({ length: rows! }, (_, row) => {
      if (kind === 0) {
        if (random.uniform() < 0.1) start = Math.min(row, keys);
        return [start, Math.min(row + 1, keys)];
      }
      if (kind === 1) return [0, keys];
      return [random.integer(0, keys + 1), random.integer(0, keys + 1 + (index % 12 === 11 ? 1 : 0))];
    }).flat();
  }),
});
