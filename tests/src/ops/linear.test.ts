import { linear } from "@whittle/core";
import { conformance } from "../conformance.js";
import { inCase, sizes } from "../conformance/index.js";

conformance(linear, {
  // A GPU computes more than 64 rows by other kernels, and gives each multiprocessor 32 outputs at a time.
  rows: inCase(6, 17, inCase(11, 40, sizes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 70))),
  in: inCase(6, 40, inCase(11, 48, sizes(1, 8, 96, 577, 0, 33))),
  out: inCase(6, 4500, inCase(11, 4300, sizes(1, 3, 4, 9, 40, 150))),
});
