import { linearQ8 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { inCase, sizes } from "../conformance/index.js";

conformance(
  linearQ8,
  {
    // Several tiles of them, full and half full.
    rows: inCase(5, 13, inCase(12, 23, inCase(21, 40, sizes(0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 150)))),
    in: sizes(32, 64, 96, 160, 224, 576, 0),
    out: sizes(1, 3, 4, 9, 40),
  },
  { cases: 40 },
);
