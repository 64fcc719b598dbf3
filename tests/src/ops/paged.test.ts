import { appendKvPaged, attendPartPaged, moveRows } from "@whittle/kvcache";
import { conformance } from "../conformance.js";
import { elements, from, sizes, values } from "../conformance/index.js";

conformance(
  appendKvPaged,
  {
    rows: sizes(0, 1, 7, 64),
    width: sizes(1, 8, 20, 192, 1032),
    valueWidth: sizes(1, 8, 20, 192),
    "slots.size": sizes(80),
    // No two rows share a slot, some rows are padding; in one case of eight a slot may lie outside of the pool.
    slots: values(({ index, random, drawn }, [count]) => {
      const past = index % 8 === 7 ? 1 : 0;
      const order = random.shuffled(Array.from({ length: drawn["slots.size"]! }, (_, slot) => slot + past));
      return order.slice(0, count).map((slot) => (random.uniform() < 0.2 ? -1 : slot));
    }),
  },
  { rowWise: null },
);

conformance(
  moveRows,
  {
    slots: sizes(1, 9, 64),
    width: sizes(1, 8, 77, 640),
    count: sizes(0, 1, 12),
    two: sizes(2),
    moves: elements(({ index, random, drawn }) => random.integer(-1, drawn.slots! + (index % 8 === 7 ? 1 : 0))),
  },
  { rowWise: null },
);

conformance(
  attendPartPaged,
  {
    "rows.size": sizes(0, 1, 7, 30),
    kvHeads: sizes(1, 2, 3),
    group: sizes(1, 3, 4),
    headDim: sizes(1, 8, 20, 64),
    valueDim: sizes(8, 64, 20, 1),
    heads: from(({ kvHeads, group }) => kvHeads! * group!),
    width: from(({ heads, headDim }) => heads! * headDim!),
    keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
    valueWidth: from(({ kvHeads, valueDim }) => kvHeads! * valueDim!),
    two: sizes(2),
    words: sizes(1, 2),
    blockSize: sizes(1, 16, 5, 64),
    sequences: sizes(1, 3),
    // The most that a row sees without its ancestors: for few rows so many that a device may spread them over its threads.
    visible: from((drawn, random) => (drawn["rows.size"]! > 7 ? 105 : random.pick([105, 700]))),
    blocksPerSequence: from(({ visible, blockSize }) => Math.ceil((visible! + 64) / blockSize!)),
    slots: from(({ blockSize, blocksPerSequence, sequences }) => blockSize! * blocksPerSequence! * sequences!),
    scale: sizes(0.125, 1, -0.3),
    // The blocks of the pool in any order, now and then one that does not exist.
    tables: values(({ index, random, drawn }, [sequences, blocks]) => {
      const all = random.shuffled(Array.from({ length: sequences! * blocks! }, (_, block) => block));
      if (index % 12 === 11) all[random.integer(0, all.length)] = drawn.slots!;
      return all;
    }),
    // By turns a prompt chunk of one sequence, decoding rows of several, and any mixture with padding and tables that are not there.
    rows: values(({ index, random, drawn }, [rows]) =>
      Array.from({ length: rows! }, (_, row) => {
        if (index % 3 === 0) return [0, drawn.visible! - 40 + row];
        if (index % 3 === 1) return [random.integer(0, drawn.sequences!), random.integer(1, drawn.visible! + 1)];
        return [
          random.integer(-1, drawn.sequences! + (index % 12 === 5 ? 1 : 0)),
          random.integer(0, drawn.visible! + 1),
        ];
      }).flat(),
    ),
    ancestors: elements(({ random }) => random.word() & random.word() & 0xffffffff),
  },
  { sameDType: ["keys", "values"] },
);
