import { rope, ropePair, ropeTable } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, from, sizes } from "../conformance/index.js";

conformance(rope, {
  rows: sizes(0, 1, 7, 64),
  headDim: sizes(2, 6, 20, 36, 48, 64),
  heads: sizes(1, 3),
  interleaved: sizes(0, 1),
  width: from(({ heads, headDim }) => heads! * headDim!),
});

conformance(ropePair, {
  rows: sizes(0, 1, 7, 64),
  headDim: sizes(2, 6, 20, 36, 48, 64),
  kvHeads: sizes(1, 2),
  heads: sizes(1, 3, 4),
  interleaved: sizes(0, 1),
  width: from(({ heads, headDim }) => heads! * headDim!),
  keyWidth: from(({ kvHeads, headDim }) => kvHeads! * headDim!),
});

conformance(ropeTable, {
  rows: sizes(0, 1, 7, 64),
  half: sizes(1, 3, 32),
  positions: elements(({ random }) =>
    random.pick([0, 1, random.integer(0, 2048), random.integer(0, 2 ** 20), 2 ** 31 - 1]),
  ),
  frequencies: elements(({ random }) => 10000 ** -random.uniform()),
});
