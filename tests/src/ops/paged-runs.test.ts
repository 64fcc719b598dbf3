import { attendPartPaged } from "@whittle/kvcache";
import { conformance } from "../conformance.js";
import { elements, from, sizes, values } from "../conformance/index.js";

// Prompt chunks at the head dimensions that models have, keys of the activations' dtype: what a GPU gives to its tensor cores. Many heads over few rows
// make enough blocks for its larger tiles.
conformance(
  attendPartPaged,
  {
    kvHeads: sizes(1, 1, 2, 33, 2),
    group: from(({ kvHeads }, random) => (kvHeads! > 2 ? 8 : kvHeads! > 1 ? 1 : random.pick([1, 2]))),
    heads: from(({ kvHeads, group }) => kvHeads! * group!),
    "rows.size": from(({ kvHeads }, random) => (kvHeads! > 2 ? 17 : random.pick([65, 70]))),
    headDim: from(({ heads }) => (1 === heads ? 128 : 64)),
    valueDim: from(({ headDim }) => headDim!),
    width: from(({ heads, headDim }) => heads! * headDim!),
    keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
    valueWidth: from(({ keyWidth }) => keyWidth!),
    two: sizes(2),
    words: sizes(1, 2),
    blockSize: sizes(32, 16, 5),
    sequences: from((drawn, random) => (drawn["rows.size"]! > 20 ? random.pick([1, 3, 4, 4]) : 1)),
    // Before the chunk.
    visible: from((drawn, random) => (drawn["rows.size"]! > 20 ? random.pick([0, 40, 70]) : 0)),
    blocksPerSequence: from((drawn) => Math.ceil((drawn.visible! + drawn["rows.size"]! + 64) / drawn.blockSize!)),
    slots: from(({ blockSize, blocksPerSequence, sequences }) => blockSize! * blocksPerSequence! * sequences!),
    scale: sizes(0.125, 0.1, -0.3),
    tables: values(({ index, random, drawn }, [sequences, blocks]) => {
      const all = random.shuffled(Array.from({ length: sequences! * blocks! }, (_, block) => block));
      if (index % 16 === 15) all[random.integer(0, all.length)] = drawn.slots!;
      return all;
    }),
    // By turns one chunk, a chunk of each sequence, decoding rows of all in turn before a chunk, and all of them with padding.
    rows: values(({ index, random, drawn }, [rows]) =>
      Array.from({ length: rows! }, (_, row) => {
        const kind = index % 4;
        const { sequences, visible } = { sequences: drawn.sequences!, visible: drawn.visible! };
        if (kind === 3 && random.uniform() < 0.1) return [-1, row];
        if (kind === 0) return [0, visible + row + 1];
        if (kind === 1) return [Math.floor((row * sequences) / rows!), visible + row + 1];
        return row < 17 ? [row % sequences, random.integer(0, visible + 70)] : [sequences - 1, visible + row + 1];
      }).flat(),
    ),
    ancestors: elements(({ random }) => random.word() & random.word() & random.word()),
  },
  { about: "runs", cases: 16, sameDType: ["q", "keys", "values"] },
);
