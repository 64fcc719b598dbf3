import { codecs, quantiseRows } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

const small = sizes(codecs.q8_0.id, codecs.q4_0.id);
const k = sizes(codecs.q4_K.id, codecs.q6_K.id);
const rows = sizes(0, 1, 3, 8);

conformance(quantiseRows, { rows, columns: sizes(0, 32, 96, 320), as: small }, { about: "small", cases: 32 });
conformance(quantiseRows, { rows, columns: sizes(256, 512, 768), as: k }, { about: "k", cases: 64 });
// A search is decided by the last bit, most often among few and equal numbers: runs of one sign, of one number, and of integers.
conformance(
  quantiseRows,
  {
    rows,
    columns: sizes(256, 768),
    as: k,
    x: elements(({ random, index }, position) => {
      const run = (position >> 4) + index;
      if (run % 5 === 0) return run % 3;
      return random.integer(run % 2 === 0 ? 0 : -4, 5) * 2 ** -(run % 7);
    }),
  },
  { about: "k-few", cases: 32 },
);
