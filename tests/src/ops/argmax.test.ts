import { argmax } from "@whittle/core";
import { conformance } from "../conformance.js";
import { inCase, sizes } from "../conformance/index.js";

conformance(argmax, { rows: inCase(16, 3, sizes(0, 1, 7, 64)), columns: inCase(16, 151_937, sizes(0, 1, 8, 96, 577)) });
