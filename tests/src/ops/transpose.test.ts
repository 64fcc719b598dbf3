import { transpose } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes } from "../conformance/index.js";

conformance(transpose, { rows: sizes(0, 1, 7, 33, 65), columns: sizes(1, 8, 32, 97, 130) }, { rowWise: null });
