import { addLayerNorm, layerNorm } from "@whittle/core";
import { conformance } from "../conformance.js";
import { from, sizes } from "../conformance/index.js";

const spec = {
  rows: sizes(0, 1, 7, 64),
  // A device may hold a row in registers up to some thousand elements.
  hidden: from(({ rows }, random) => random.pick(rows! > 7 ? [1, 8, 96, 577] : [1, 8, 577, 4096, 9001])),
  epsilon: sizes(1e-5, 1e-6),
};
conformance(layerNorm, spec);
conformance(addLayerNorm, spec);
