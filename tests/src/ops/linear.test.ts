import { linear } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(linear, {
  rows: sizes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31),
  in: sizes(1, 8, 96, 577, 0, 33),
  out: sizes(1, 3, 4, 9, 40),
});
