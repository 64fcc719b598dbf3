import { gatedLinearQ8 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(
  gatedLinearQ8,
  // Many rows of many columns are worked off in panels.
  { rows: sizes(0, 1, 2, 7, 13, 31, 70), in: sizes(256, 512, 0), width: sizes(1, 3, 16, 9, 40, 200) },
  { sameDType: ["gate", "up"], cases: 16 },
);
