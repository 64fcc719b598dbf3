import { linearsBf16 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(
  linearsBf16,
  {
    rows: sizes(0, 1, 2, 7, 13, 31, 70),
    in: sizes(1, 8, 96, 577, 0, 33),
    aOut: sizes(1, 3, 4, 9, 40, 130),
    bOut: sizes(2, 16, 5, 0),
    cOut: sizes(7, 1, 16, 3),
  },
  { cases: 16 },
);
