import { activations, blockWeights, defineOp, optional, weights } from "../define-op.js";
import { ArgumentError } from "../errors.js";
import { type TensorType } from "../tensor.js";
import { eachProduct, linear } from "./linear.js";

/**
 * Three linear layers over one input: `x · aᵀ + aBias`, `x · bᵀ + bBias` and `x · cᵀ + cBias`, each to the bit what `linear` gives. A decoder's queries, keys and values.
 *
 * `x` `[rows, in]`; `a` `[aOut, in]`, `b` `[bOut, in]`, `c` `[cOut, in]` of one dtype, their biases `[aOut]`, `[bOut]`, `[cOut]` → `[rows, aOut]`, `[rows, bOut]`, `[rows, cOut]`,
 * dtype of `x`.
 */
export const linears = defineOp({
  name: "linears",
  args: {
    x: activations("rows", "in"),
    a: blockWeights("aOut", "in"),
    b: blockWeights("bOut", "in"),
    c: blockWeights("cOut", "in"),
    aBias: optional(weights("aOut")),
    bBias: optional(weights("bOut")),
    cBias: optional(weights("cOut")),
  },
  outputs: ({ x, a, b, c }) => {
    checkSameDType("linears", { a, b, c });
    const product = (weight: TensorType) => ({ shape: [x.shape[0]!, weight.shape[0]!], dtype: x.dtype });
    return [product(a), product(b), product(c)];
  },
  reference({ x, a, b, c, aBias, bBias, cBias }, [ya, yb, yc]) {
    linear.reference({ x, weight: a, bias: aBias }, [ya]);
    linear.reference({ x, weight: b, bias: bBias }, [yb]);
    linear.reference({ x, weight: c, bias: cBias }, [yc]);
  },
  bound({ x, a, b, c, aBias, bBias, cBias }, limits) {
    const products = [
      [a, aBias],
      [b, bBias],
      [c, cBias],
    ] as const;
    products.forEach(([weight, bias], i) =>
      eachProduct(x, weight, bias, (row, out, _sum, error) => limits[i]!.set(error, row, out)),
    );
  },
});

/** @throws ArgumentError if the weights of a fused op differ in dtype. */
export function checkSameDType(op: string, tensors: Readonly<Record<string, TensorType>>): void {
  const entries = Object.entries(tensors);
  if (entries.every(([, { dtype }]) => dtype === entries[0]![1].dtype)) return;
  const all = entries.map(([name, { dtype }]) => `${name} ${dtype}`).join(", ");
  throw new ArgumentError(`${op}: the weights must have one dtype, but are ${all}`);
}
