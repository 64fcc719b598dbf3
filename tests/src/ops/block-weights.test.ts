import { linear, linears, gatedLinear } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

// Rows that begin on 16 bytes, a multiple of 256 elements: what a GPU streams when the weights are in blocks. A thread block has 8 warps, of which each takes a 256th
// column; 8, 16 and 32 rows go together.
const blocks = { about: "blocks", storedAs: ["q8_0", "q4_0"] } as const;

conformance(
  linear,
  { rows: sizes(1, 8, 3, 9, 17, 40), in: sizes(256, 768, 2304, 4352, 512), out: sizes(16, 1, 33, 40) },
  blocks,
);
conformance(
  linears,
  { rows: sizes(1, 8, 2, 17), in: sizes(256, 2304, 512), aOut: sizes(16, 5), bOut: sizes(3, 16), cOut: sizes(33, 1) },
  { ...blocks, sameDType: ["a", "b", "c"], cases: 12 },
);
conformance(
  gatedLinear,
  { rows: sizes(1, 8, 2, 17), in: sizes(256, 2304, 512), width: sizes(16, 5, 33) },
  { ...blocks, sameDType: ["gate", "up"], cases: 12 },
);

// Many rows, in tiles of 128 by 128 or by 256 (64 pairs of lines), whose weights come 256 columns at a time.
const many = { ...blocks, about: "blocks-of-many-rows", cases: 2 } as const;
conformance(linear, { rows: sizes(257, 390), in: sizes(256, 1280), out: sizes(40, 129) }, many);
conformance(
  gatedLinear,
  { rows: sizes(257), in: sizes(256), width: sizes(3, 65) },
  { ...many, sameDType: ["gate", "up"] },
);

// More lines than a GPU's thread blocks take in one pass.
const long = { ...blocks, about: "blocks-of-many-lines", cases: 2 } as const;
conformance(linear, { rows: sizes(1), in: sizes(256), out: sizes(2200, 4400) }, long);
conformance(
  gatedLinear,
  { rows: sizes(1), in: sizes(256), width: sizes(2200) },
  { ...long, sameDType: ["gate", "up"] },
);
