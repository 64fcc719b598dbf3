import { squaredError } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(squaredError, { rows: sizes(0, 1, 3, 9), columns: sizes(0, 1, 13, 256, 768) }, { cases: 48 });
