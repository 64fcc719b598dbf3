import { topLogprobs } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, inCase, sizes } from "../conformance/index.js";

conformance(
  topLogprobs,
  {
    rows: inCase(16, 3, sizes(0, 1, 7, 33)),
    vocab: inCase(16, 32_003, sizes(1, 8, 97, 1500, 5000)),
    // More than one pass of a device may put in order, too.
    count: inCase(16, 700, sizes(0, 1, 5, 20)),
    // In one case of twelve an id may be outside of the vocabulary.
    ids: elements(({ index, random, drawn }) =>
      random.integer(index % 12 === 11 ? -1 : 0, drawn.vocab! + (index % 12 === 11 ? 1 : 0)),
    ),
  },
  { cases: 40 },
);
