import { mixTokens } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

conformance(mixTokens, {
  rows: sizes(0, 1, 9, 70),
  drawn: sizes(1, 7, 64),
  from: elements(({ index, random, drawn }) => random.integer(-2, index % 8 === 7 ? drawn.drawn! + 1 : drawn.drawn!)),
});
