import { embedding } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

conformance(embedding, {
  rows: sizes(0, 1, 7, 64),
  vocab: sizes(1, 50, 300),
  hidden: sizes(1, 8, 96, 577, 2056),
  // A negative id is a padding row; one past the table fails the op.
  ids: elements(({ index, random, drawn }) => random.integer(-2, index % 8 === 7 ? drawn.vocab! + 2 : drawn.vocab!)),
});
