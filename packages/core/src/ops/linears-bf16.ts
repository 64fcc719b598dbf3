import { brainFloats, defineOp, floats, optional, weights } from "../define-op.js";
import { type TensorType } from "../tensor.js";
import { eachProduct, linearBf16 } from "./linear-bf16.js";
import { linearsBy } from "./linears.js";

/**
 * `linears` with activations rounded to bf16, once for all three: to the bit what three `linearBf16` give.
 *
 * `x` `[rows, in]` f32; `a` `[aOut, in]`, `b` `[bOut, in]`, `c` `[cOut, in]` bf16, their biases `[aOut]`, `[bOut]`, `[cOut]` → `[rows, aOut]`, `[rows, bOut]`,
 * `[rows, cOut]` f32.
 */
export const linearsBf16 = defineOp({
  name: "linears.bf16",
  args: {
    x: floats("rows", "in"),
    a: brainFloats("aOut", "in"),
    b: brainFloats("bOut", "in"),
    c: brainFloats("cOut", "in"),
    aBias: optional(weights("aOut")),
    bBias: optional(weights("bOut")),
    cBias: optional(weights("cOut")),
  },
  outputs: ({ x, a, b, c }) => {
    const product = (weight: TensorType) => ({ shape: [x.shape[0]!, weight.shape[0]!], dtype: "f32" as const });
    return [product(a), product(b), product(c)];
  },
  reference(args, [ya, yb, yc]) {
    rules.reference(args, [ya, yb, yc]);
  },
  bound(args, limits) {
    rules.bound(args, limits);
  },
});

const rules = linearsBy(linearBf16.reference, eachProduct);
