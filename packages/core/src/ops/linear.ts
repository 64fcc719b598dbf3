import { isBlockDType } from "../block-formats.js";
import { activations, attribute, blockWeights, defineOp, optional, weights } from "../define-op.js";
import { codecs } from "../dtypes.js";
import { type HostTensor } from "../host-tensor.js";
import { sumBound } from "./bounds.js";

/**
 * `y = x · weightᵀ + bias`.
 *
 * `x` `[rows, in]`, `weight` `[out, in]`, `bias` `[out]` → `[rows, out]`. Sums are f32, rounded once to the dtype `as`. Default: that of `x`.
 */
export const linear = defineOp({
  name: "linear",
  args: {
    x: activations("rows", "in"),
    weight: blockWeights("out", "in"),
    bias: optional(weights("out")),
    as: attribute.dtype,
  },
  outputs: ({ x, weight, as = x.dtype }) => [{ shape: [x.shape[0]!, weight.shape[0]!], dtype: as }],
  reference({ x, weight, bias }, [y]) {
    eachProduct(x, weight, bias, (row, out, sum) => y.set(sum, row, out));
  },
  bound({ x, weight, bias }, [limit]) {
    eachProduct(x, weight, bias, (row, out, _sum, error) => limit!.set(error, row, out));
  },
});

/** Visits every element of `x · weightᵀ + bias`, with the error that f32 sums may have. */
export function eachProduct(
  x: HostTensor,
  weight: HostTensor,
  bias: HostTensor | undefined,
  visit: (row: number, out: number, sum: number, error: number) => void,
): void {
  // Sums over a block may be formed before they are scaled; where they leave the range of f32, anything may come out.
  const largestCode = isBlockDType(weight.dtype) ? 2 ** 12 : 0;
  for (let row = 0; row < x.size(0); row++) {
    for (let out = 0; out < weight.size(0); out++) {
      let sum = bias?.at(out) ?? 0;
      let magnitude = Math.abs(sum);
      let unscaled = 0;
      for (let i = 0; i < x.size(1); i++) {
        const product = x.at(row, i) * weight.at(out, i);
        sum += product;
        magnitude += Math.abs(product);
        unscaled += largestCode * Math.abs(x.at(row, i));
      }
      visit(row, out, sum, unscaled > codecs.f32.largest ? Infinity : sumBound(x.size(1) + 1, magnitude));
    }
  }
}

/** How the layers of a fused op are computed, and how their errors are found: as `linear` does, or one of its kind. */
export type LinearReference = (args: LinearArgs, outputs: [HostTensor]) => void;
export type EachProduct = typeof eachProduct;

interface LinearArgs {
  readonly x: HostTensor;
  readonly weight: HostTensor;
  readonly bias?: HostTensor | undefined;
}
