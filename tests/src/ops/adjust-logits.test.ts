import { adjustLogits } from "@whittle/core";
import { conformance } from "../conformance.js";
import { sizes, values } from "../conformance/index.js";

conformance(
  adjustLogits,
  {
    rows: sizes(1, 7, 33),
    vocab: sizes(1, 8, 97, 1000),
    count: sizes(0, 1, 5, 64, 300),
    two: sizes(2),
    // No place twice; what is left over is padding. In two cases of eight a row or an id may be outside of the logits.
    places: values(({ index, random, drawn }, [count]) => {
      const taken = new Set<string>();
      return Array.from({ length: count! }, () => {
        const place = [
          random.integer(-1, drawn.rows! + (index % 8 === 7 ? 1 : 0)),
          random.integer(index % 8 === 6 ? -1 : 0, drawn.vocab!),
        ];
        if (taken.has(place.join())) return [-1, 0];
        taken.add(place.join());
        return place;
      }).flat();
    }),
    changes: values(({ random }, [count]) =>
      Array.from({ length: count! }, () => [
        random.pick([1, 1, 1.3, 0.5, 2]),
        random.pick([0, random.normal(), -100, 100, -Infinity]),
      ]).flat(),
    ),
  },
  { rowWise: null },
);
