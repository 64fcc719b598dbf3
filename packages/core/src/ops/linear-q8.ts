import { blocks, defineOp, floats, optional, weights } from "../define-op.js";
import { type HostTensor } from "../host-tensor.js";
import { sumBound } from "./bounds.js";

/**
 * `linear` over weights in blocks, with activations rounded to 8 bits: an approximation that is asked for by this name, never made in silence.
 *
 * `x` `[rows, in]` f32, `weight` `[out, in]` in blocks, `bias` `[out]` → `[rows, out]` f32. Each 32 elements of a row of `x` become codes under a scale: d = max|x| / 127 and
 * q = x · (1 / d) to the nearest integer, ties to even, every step in f32; d and all q are 0 where 1 / d is no f32 number, and d is NaN where an element is not finite. The rule is
 * that of ggml's `q8_0` activations, but for d, which stays f32.
 *
 * Then `y = Σ d · w · q`. A device forms the sums over what shares both scales as integers, exactly, and the outer one in f32:
 * - q8_0 and q4_0, codes c under the scale dw: `Σ d · dw · Σ q · c` over blocks of 32;
 * - q4_K: `Σ (d · dw · s · Σ q · c − d · dmin · m · Σ q)` over runs of 32, whose two terms count apart in the bound;
 * - q6_K: `Σ d · dw · s · Σ q · c` over runs of 16.
 */
export const linearQ8 = defineOp({
  name: "linear.q8",
  args: { x: floats("rows", "in"), weight: blocks("out", "in"), bias: optional(weights("out")) },
  outputs: ({ x, weight }) => [{ shape: [x.shape[0]!, weight.shape[0]!], dtype: "f32" }],
  reference({ x, weight, bias }, [y]) {
    eachProduct(x, weight, bias, (row, out, sum) => y.set(sum, row, out));
  },
  bound({ x, weight, bias }, [limit]) {
    eachProduct(x, weight, bias, (row, out, _sum, error) => limit!.set(error, row, out));
  },
});

/** Activations that share a scale. */
const codesOfScale = 32;

/** Visits every element of the product with rounded activations, with the error that f32 sums may have. */
export function eachProduct(
  x: HostTensor,
  weight: HostTensor,
  bias: HostTensor | undefined,
  visit: (row: number, out: number, sum: number, error: number) => void,
): void {
  for (let row = 0; row < x.size(0); row++) {
    const rounded = roundedRow(x, row);
    for (let out = 0; out < weight.size(0); out++) {
      let sum = bias?.at(out) ?? 0;
      let magnitude = Math.abs(sum);
      for (let i = 0; i < rounded.length; i++) {
        sum += rounded[i]! * weight.at(out, i);
        magnitude += Math.abs(rounded[i]!) * weight.magnitudeAt(out, i);
      }
      visit(row, out, sum, sumBound(x.size(1) + 1, magnitude));
    }
  }
}

/** What a row of activations stands for once it has been rounded: d · q, exactly. */
function roundedRow(x: HostTensor, row: number): Float64Array {
  const values = new Float64Array(x.size(1));
  for (let from = 0; from < values.length; from += codesOfScale) {
    let largest = 0;
    let finite = true;
    for (let i = from; i < from + codesOfScale; i++) {
      largest = Math.max(largest, Math.abs(x.at(row, i)));
      finite &&= Number.isFinite(x.at(row, i));
    }
    const scale = Math.fround(largest / 127);
    const inverse = Math.fround(1 / scale);
    for (let i = from; i < from + codesOfScale; i++) {
      if (!finite) values[i] = NaN;
      else if (Number.isFinite(inverse)) values[i] = scale * nearestEven(Math.fround(x.at(row, i) * inverse));
    }
  }
  return values;
}

function nearestEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
