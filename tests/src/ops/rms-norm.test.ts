import { addRmsNorm, rmsNorm } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

const spec = { rows: sizes(0, 1, 7, 64), hidden: sizes(1, 8, 96, 577), epsilon: sizes(1e-5, 1e-6) };
conformance(rmsNorm, spec);
conformance(addRmsNorm, spec);
