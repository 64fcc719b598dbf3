import { sample } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, inCase, sizes, values } from "../conformance/index.js";
import { sampleJudge } from "../conformance/judge-sample.js";

conformance(
  sample,
  {
    rows: inCase(16, 4, sizes(0, 1, 7, 33)),
    vocab: inCase(16, 32_003, sizes(1, 8, 97, 1000, 5000)),
    four: sizes(4),
    // In one case of twelve a temperature may be negative.
    settings: values(({ index, random }, [rows]) =>
      Array.from({ length: rows! }, () => [
        random.pick(index % 12 === 11 ? [1, -1] : [0, 0.1, 0.7, 1, 1.5, 100, 1e-30]),
        random.pick([0, 0, 1, 2, 40, 300, 1e6]),
        random.pick([1, 1, 0, 0.1, 0.5, 0.9, 0.999, 1.5]),
        random.pick([0, 0, 0, 0.05, 0.5, 1]),
      ]).flat(),
    ),
    keys: elements(({ random }) => random.word() | 0),
  },
  { judge: sampleJudge, cases: 40 },
);
