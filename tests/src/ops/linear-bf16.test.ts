import { linearBf16 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { inCase, sizes } from "../conformance/index.js";

conformance(
  linearBf16,
  {
    // One row, as many as pass the weight as it is stored, and more, in groups that are not full.
    rows: inCase(5, 39, inCase(12, 43, sizes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 36, 37, 70))),
    // Not whole pairs, not whole vectors; rows so long that they are worked off in stretches.
    in: inCase(5, 4133, inCase(12, 2177, sizes(1, 8, 96, 577, 0, 33, 31, 64))),
    out: inCase(5, 6, inCase(12, 9, sizes(1, 3, 4, 9, 40, 130))),
  },
  { cases: 40 },
);
