import { mergeParts } from "@whittle/kvcache";
import { conformance } from "../conformance.js";
import { from, sizes, values } from "../conformance/index.js";

/** Maxima and normalisers, now and then those of an empty part. */
const stats = values(({ random }, [rows, heads]) =>
  Array.from({ length: rows! * heads! }, () =>
    random.uniform() < 0.2 ? [-Infinity, 0] : [random.normal() * 10, 1 + random.uniform() * 20],
  ).flat(),
);

conformance(mergeParts, {
  rows: sizes(0, 1, 7, 64),
  heads: sizes(1, 3),
  valueDim: sizes(1, 8, 20, 64),
  width: from(({ heads, valueDim }) => heads! * valueDim!),
  two: sizes(2),
  aStats: stats,
  bStats: stats,
});
