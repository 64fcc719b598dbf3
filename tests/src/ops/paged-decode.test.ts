import { attendPartPaged } from "@whittle/kvcache";
import { conformance } from "../conformance.js";
import { elements, from, sizes, values } from "../conformance/index.js";

// Rows of a decode step at the head dimensions that models have, keys of the activations' dtype: what a GPU gives to its tensor cores, all heads of a group at once.
// Few of them over many keys are split over several blocks; of many (the 40 key heads) none is.
conformance(
  attendPartPaged,
  {
    kvHeads: sizes(1, 2, 3, 40),
    group: from(({ kvHeads }, random) => (kvHeads! > 3 ? 1 : random.pick([1, 3, 9]))),
    heads: from(({ kvHeads, group }) => kvHeads! * group!),
    "rows.size": from(({ kvHeads }, random) => (kvHeads! > 3 ? 14 : random.pick([1, 2, 5]))),
    headDim: sizes(64, 128),
    valueDim: from(({ headDim }) => headDim!),
    width: from(({ heads, headDim }) => heads! * headDim!),
    keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
    valueWidth: from(({ keyWidth }) => keyWidth!),
    two: sizes(2),
    words: sizes(1, 2),
    blockSize: sizes(16, 1, 5, 64),
    sequences: from((drawn) => Math.min(3, drawn["rows.size"]!)),
    // The most that a row sees without its ancestors.
    visible: from(({ kvHeads }, random) => (kvHeads! > 3 ? 50 : random.pick([15, 130, 600]))),
    blocksPerSequence: from(({ visible, blockSize }) => Math.ceil((visible! + 64) / blockSize!)),
    slots: from(({ blockSize, blocksPerSequence, sequences }) => blockSize! * blocksPerSequence! * sequences!),
    scale: sizes(0.125, 0.1, -0.3),
    tables: values(({ index, random, drawn }, [sequences, blocks]) => {
      const all = random.shuffled(Array.from({ length: sequences! * blocks! }, (_, block) => block));
      if (index % 16 === 15) all[random.integer(0, all.length)] = drawn.slots!;
      return all;
    }),
    // By turns all keys, any number of them, and padding among the rows.
    rows: values(({ index, random, drawn }, [rows]) =>
      Array.from({ length: rows! }, (_, row) => {
        const table = row % drawn.sequences!;
        if (index % 3 === 0) return [table, drawn.visible!];
        return [index % 3 === 2 && random.uniform() < 0.2 ? -1 : table, random.integer(0, drawn.visible! + 1)];
      }).flat(),
    ),
    ancestors: elements(({ index, random }) => (index % 2 === 0 ? 0 : random.word() & random.word())),
  },
  { about: "decode", cases: 16, sameDType: ["q", "keys", "values"] },
);
