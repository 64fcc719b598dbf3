import { attention } from "@whittle/core";
import { conformance } from "../conformance.js";
import { from, sizes, values } from "../conformance/index.js";

// Rows and head dimensions as models have them: what a GPU gives to its tensor cores. Many heads over few rows make enough blocks for its larger tiles.
conformance(
  attention,
  {
    kvHeads: sizes(1, 2, 33),
    group: from(({ kvHeads }, random) => (kvHeads! > 2 ? 8 : kvHeads! > 1 ? 1 : random.pick([1, 2]))),
    heads: from(({ kvHeads, group }) => kvHeads! * group!),
    rows: from(({ kvHeads }, random) => (kvHeads! > 2 ? 10 : random.pick([65, 70]))),
    keys: from(({ rows }, random) => (rows! > 20 ? random.pick([70, 130]) : 12)),
    headDim: from(({ heads }) => (1 === heads ? 128 : 64)),
    valueDim: from(({ headDim }) => headDim!),
    width: from(({ heads, headDim }) => heads! * headDim!),
    keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
    valueWidth: from(({ keyWidth }) => keyWidth!),
    two: sizes(2),
    scale: sizes(0.125, 0.1, -0.3),
    // By turns causal over sequences, a window, and any range.
    ranges: values(({ index, random, drawn }, [rows]) => {
      const keys = drawn.keys!;
      const kind = Math.floor(index / 2) % 3;
      let start = 0;
      return Array.from({ length: rows! }, (_, row) => {
        if (kind === 0 && random.uniform() < 0.03) start = Math.min(row, keys);
        if (kind === 0) return [start, Math.min(row + 1, keys)];
        if (kind === 1) return [Math.max(0, row - 30), Math.min(row + 5, keys)];
        return [random.integer(0, keys + 1), random.integer(0, keys + 1)];
      }).flat();
    }),
  },
  { about: "runs", cases: 8, sameDType: ["q", "k", "v"] },
);
