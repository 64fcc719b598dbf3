import { maskLogits } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, inCase, sizes, values } from "../conformance/index.js";

conformance(
  maskLogits,
  {
    rows: inCase(16, 4, sizes(4, 7, 33)),
    vocab: inCase(16, 32_003, sizes(1, 31, 32, 97, 1000, 5000)),
    count: inCase(16, 4, sizes(0, 1, 4)),
    // Too few words forbid the ids beyond them, too many say nothing.
    words: inCase(16, 1001, sizes(1, 2, 32, 157)),
    mask: elements(({ random }) => random.pick([0, -1, random.word() | 0])),
    // In one case of eight a row may be outside of the logits.
    at: values(({ index, random, drawn }, [count]) => {
      const rows = random.shuffled(Array.from({ length: drawn.rows! }, (_, row) => row)).slice(0, count);
      return rows.map((row) => (random.uniform() < 0.2 ? -1 : index % 8 === 7 ? row + 1 : row));
    }),
  },
  { rowWise: null },
);
