import { gatherRows } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

conformance(
  gatherRows,
  {
    rows: sizes(1, 7, 64),
    columns: sizes(1, 8, 577, 2056),
    count: sizes(0, 1, 9, 70),
    indices: elements(({ index, random, drawn }) => random.integer(0, index % 8 === 7 ? drawn.rows! + 2 : drawn.rows!)),
  },
  { rowWise: "count" },
);
