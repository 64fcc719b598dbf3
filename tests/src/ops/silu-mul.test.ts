import { siluMul } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(siluMul, { rows: sizes(0, 1, 7, 64), width: sizes(1, 8, 96, 577, 2056) });
