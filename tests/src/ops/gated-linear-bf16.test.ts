import { gatedLinearBf16 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(
  gatedLinearBf16,
  // Many rows of many columns are worked off in panels.
  { rows: sizes(0, 1, 2, 3, 7, 31, 70), in: sizes(1, 8, 96, 200, 0, 33), width: sizes(1, 3, 4, 9, 40, 300) },
  { cases: 16 },
);
