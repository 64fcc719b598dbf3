import { philoxWords } from "@whittle/core";
import { conformance } from "../conformance.js";
import { elements, sizes } from "../conformance/index.js";

const word = elements(({ random }) => random.word() | 0);
conformance(philoxWords, { rows: sizes(0, 1, 7, 500), four: sizes(4), two: sizes(2), counters: word, keys: word });
