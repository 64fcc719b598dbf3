import { topLogprobs } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

conformance(
  topLogprobs,
  {
    rows: sizes(0, 1, 7, 33),
    vocab: sizes(1, 8, 97, 1500, 5000),
    count: sizes(0, 1, 5, 20),
    // In one case of twelve an id may be outside of the vocabulary.
    ids: elements(({ index, random, drawn }) =>
      random.integer(index % 12 === 11 ? -1 : 0, drawn.vocab! + (index % 12 === 11 ? 1 : 0)),
    ),
  },
  { cases: 40 },
);
