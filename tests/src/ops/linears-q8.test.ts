import { linearsQ8 } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(
  linearsQ8,
  {
    rows: sizes(0, 1, 2, 7, 13, 31, 70),
    in: sizes(256, 0, 512, 2304),
    aOut: sizes(1, 3, 40, 130),
    bOut: sizes(2, 16, 5, 0),
    cOut: sizes(7, 1, 32, 3),
  },
  { sameDType: ["a", "b", "c"], cases: 16 },
);
