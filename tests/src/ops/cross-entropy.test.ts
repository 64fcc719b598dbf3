import { crossEntropy } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

conformance(crossEntropy, {
  rows: sizes(0, 1, 7, 64),
  vocab: sizes(1, 8, 96, 577, 4096, 10001),
  // A negative target has nothing to predict; one past the vocabulary fails the op.
  targets: elements(({ index, random, drawn }) =>
    random.integer(-2, index % 8 === 7 ? drawn.vocab! + 2 : drawn.vocab!),
  ),
});
