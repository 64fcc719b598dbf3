import { linearSparse24 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, from, inCase, sizes } from "../conformance/index.js";

const pairs = [0b0100, 0b1000, 0b1100, 0b1001, 0b1101, 0b1110];

const spec = {
  // One row, as many as pass the weight as it is expanded, and more.
  rows: sizes(0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 70),
  in: inCase(3, 2112, sizes(1, 8, 96, 577, 0, 33, 128, 250, 64)),
  out: sizes(1, 3, 4, 9, 40),
  kept: from((drawn) => 2 * Math.ceil(drawn["in"]! / 4)),
  packed: from((drawn) => Math.ceil(drawn["in"]! / 8)),
  scaled: from((drawn) => Math.ceil(drawn["in"]! / 64)),
  indices: elements(({ random }) => random.pick(pairs) | (random.pick(pairs) << 4)),
};

conformance(linearSparse24, spec, { storedAs: ["f32", "f16", "bf16"], absent: ["scales"], cases: 40 });
conformance(linearSparse24, spec, { storedAs: ["i8"], given: ["scales"], about: "codes" });
