import { activations, codecs, defineOp, floats, like, ShapeError, type HostTensor } from "@whittle/core";

/**
 * Merges attention over two disjoint lists of keys into attention over both.
 *
 * `a`, `b` `[rows, heads·valueDim]` (normalised), `aStats`, `bStats` `[rows, heads, 2]` as `attendPart` gives them (largest logit, normaliser) → `out` and `stats` of the
 * same shapes. With m the larger of the maxima and w = normaliser·exp(max − m): out = (wₐ·a + w_b·b) / (wₐ + w_b), stats = (m, wₐ + w_b). Two empty parts give zeros and
 * (−∞, 0). Source: Milakov & Gimelshein 2018 (online softmax), §3.1.
 */
export const mergeParts = defineOp({
  name: "mergeParts",
  args: {
    a: activations("rows", "width"),
    aStats: floats("rows", "heads", "two"),
    b: activations("rows", "width"),
    bStats: floats("rows", "heads", "two"),
  },
  outputs: ({ a, aStats }) => {
    const [rows, heads, two] = aStats.shape as [number, number, number];
    if (two !== 2 || heads === 0 || a.shape[1]! % heads !== 0) {
      throw new ShapeError(
        `mergeParts: stats must be [rows, heads, 2] with heads dividing the width ${a.shape[1]}, but are [${aStats.shape.join(", ")}]`,
      );
    }
    return [like(a), { shape: [rows, heads, 2], dtype: "f32" }];
  },

  reference({ a, aStats, b, bStats }, [out, stats]) {
    for (let row = 0; row < a.size(0); row++) {
      for (let head = 0; head < aStats.size(1); head++) {
        const { max, sum, aWeight, bWeight } = weigh(aStats, bStats, row, head);
        stats.set(max, row, head, 0);
        stats.set(sum, row, head, 1);
        eachColumn(a, aStats, head, (i) =>
          out.set(sum === 0 ? 0 : (aWeight * a.at(row, i) + bWeight * b.at(row, i)) / sum, row, i),
        );
      }
    }
  },

  // Rounding the difference of the maxima moves an exponential by that difference · u (the other one is exact); where it underflows its term is negligible.
  bound({ a, aStats, b, bStats }, [outLimit, statsLimit]) {
    for (let row = 0; row < a.size(0); row++) {
      for (let head = 0; head < aStats.size(1); head++) {
        const { sum, aWeight, bWeight, gap } = weigh(aStats, bStats, row, head);
        const relative = codecs.f32.unit * (16 + 2 * Math.min(gap, 104)) + 2 ** -120;
        statsLimit!.set(relative * sum, row, head, 1);
        eachColumn(a, aStats, head, (i) => {
          const magnitude = sum === 0 ? 0 : (aWeight * Math.abs(a.at(row, i)) + bWeight * Math.abs(b.at(row, i))) / sum;
          outLimit!.set(2 * relative * magnitude + 2 ** -140, row, i);
        });
      }
    }
  },
});

function weigh(aStats: HostTensor, bStats: HostTensor, row: number, head: number) {
  const [aMax, bMax] = [aStats.at(row, head, 0), bStats.at(row, head, 0)];
  const max = Math.max(aMax, bMax);
  // The maximum of an empty part is −∞, and −∞ − (−∞) is no number.
  const aWeight = aMax === max && max === -Infinity ? 0 : aStats.at(row, head, 1) * Math.exp(aMax - max);
  const bWeight = bMax === max && max === -Infinity ? 0 : bStats.at(row, head, 1) * Math.exp(bMax - max);
  return { max, aWeight, bWeight, sum: aWeight + bWeight, gap: Math.abs(aMax - bMax) || 0 };
}

function eachColumn(x: HostTensor, stats: HostTensor, head: number, visit: (column: number) => void): void {
  const valueDim = x.size(1) / stats.size(1);
  for (let i = head * valueDim; i < (head + 1) * valueDim; i++) visit(i);
}
