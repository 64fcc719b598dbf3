import { add } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(add, { rows: sizes(0, 1, 7, 64), columns: sizes(1, 8, 96, 577, 2056) });
