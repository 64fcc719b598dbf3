import { brainFloats, defineOp, floats, optional, weights } from "../define-op.js";
import { codecs } from "../dtypes.js";
import { bf16ToNumber, numberToBf16 } from "../half-precision.js";
import { type HostTensor } from "../host-tensor.js";
import { sumBound } from "./bounds.js";

/**
 * `linear` over bf16 weights, with activations rounded to bf16: an approximation that is asked for by this name, never made in silence. Products of two bf16 numbers fit f32
 * exactly, which is what AVX512-BF16 and AMX multiply.
 *
 * `x` `[rows, in]` f32, `weight` `[out, in]` bf16, `bias` `[out]` → `[rows, out]` f32: `y = Σ bf16(x) · weight + bias`. Each element of `x` is rounded on its own to the nearest
 * bf16, ties to even: infinite from (2 − 2⁻⁸) · 2¹²⁷ on, NaN where it is NaN. Sums are f32, in any order; the bias is not rounded.
 *
 * A device may take a subnormal bf16 (below 2⁻¹²⁶) for zero and may flush a subnormal sum to zero at each step, as the instruction `vdpbf16ps` does: beside the error of f32 sums the
 * bound has all terms with such a factor and 2⁻¹²⁶ for each term.
 */
export const linearBf16 = defineOp({
  name: "linear.bf16",
  args: { x: floats("rows", "in"), weight: brainFloats("out", "in"), bias: optional(weights("out")) },
  outputs: ({ x, weight }) => [{ shape: [x.shape[0]!, weight.shape[0]!], dtype: "f32" }],
  reference({ x, weight, bias }, [y]) {
    eachProduct(x, weight, bias, (row, out, sum) => y.set(sum, row, out));
  },
  bound({ x, weight, bias }, [limit]) {
    eachProduct(x, weight, bias, (row, out, _sum, error) => limit!.set(error, row, out));
  },
});

const { smallestNormal } = codecs.bf16;

/** Visits every element of the product with rounded activations, with the error that f32 sums of normal numbers may have. */
export function eachProduct(
  x: HostTensor,
  weight: HostTensor,
  bias: HostTensor | undefined,
  visit: (row: number, out: number, sum: number, error: number) => void,
): void {
  const rounded = new Float64Array(x.size(1));
  for (let row = 0; row < x.size(0); row++) {
    for (let i = 0; i < rounded.length; i++) rounded[i] = bf16ToNumber(numberToBf16(x.at(row, i)));
    for (let out = 0; out < weight.size(0); out++) {
      let sum = bias?.at(out) ?? 0;
      let magnitude = Math.abs(sum);
      let flushed = 0;
      for (let i = 0; i < rounded.length; i++) {
        const [a, b] = [rounded[i]!, weight.at(out, i)];
        sum += a * b;
        magnitude += Math.abs(a * b);
        flushed += smallestNormal;
        if (Math.min(Math.abs(a), Math.abs(b)) < smallestNormal) flushed += Math.abs(a * b);
      }
      visit(row, out, sum, sumBound(rounded.length + 1, magnitude) + flushed);
    }
  }
}
