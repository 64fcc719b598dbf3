import { embedding, gatedLinear, linear, linearQ8, linears } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

// Rows of one block, of two and of three.
const k = { about: "k-blocks", storedAs: ["q4_K", "q6_K"], cases: 16 } as const;
const depth = sizes(256, 512, 768);

conformance(linear, { rows: sizes(1, 8, 2, 3, 9, 31), in: depth, out: sizes(16, 1, 3, 33) }, k);
conformance(
  linears,
  { rows: sizes(1, 9, 2), in: depth, aOut: sizes(16, 5), bOut: sizes(3, 16), cOut: sizes(9, 1) },
  { ...k, sameDType: ["a", "b", "c"], cases: 8 },
);
conformance(
  gatedLinear,
  { rows: sizes(1, 9, 2), in: depth, width: sizes(16, 5, 33) },
  { ...k, sameDType: ["gate", "up"], cases: 8 },
);
conformance(linearQ8, { rows: sizes(1, 2, 3, 8, 9, 31, 133), in: depth, out: sizes(16, 1, 3, 9, 20) }, k);
conformance(
  embedding,
  {
    rows: sizes(1, 7, 40),
    vocab: sizes(1, 9),
    hidden: depth,
    ids: elements(({ random, drawn }) => random.integer(-2, drawn.vocab!)),
  },
  k,
);
