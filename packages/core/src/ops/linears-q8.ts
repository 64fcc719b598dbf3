import { blocks, defineOp, floats, optional, weights } from "../define-op.js";
import { type TensorType } from "../tensor.js";
import { eachProduct, linearQ8 } from "./linear-q8.js";
import { checkSameDType, linearsBy } from "./linears.js";

/**
 * `linears` with activations rounded to 8 bits, once for all three: to the bit what three `linearQ8` give.
 *
 * `x` `[rows, in]` f32; `a` `[aOut, in]`, `b` `[bOut, in]`, `c` `[cOut, in]` in blocks of one dtype, their biases `[aOut]`, `[bOut]`, `[cOut]` → `[rows, aOut]`, `[rows, bOut]`,
 * `[rows, cOut]` f32.
 */
export const linearsQ8 = defineOp({
  name: "linears.q8",
  args: {
    x: floats("rows", "in"),
    a: blocks("aOut", "in"),
    b: blocks("bOut", "in"),
    c: blocks("cOut", "in"),
    aBias: optional(weights("aOut")),
    bBias: optional(weights("bOut")),
    cBias: optional(weights("cOut")),
  },
  outputs: ({ x, a, b, c }) => {
    checkSameDType("linears.q8", { a, b, c });
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

const rules = linearsBy(linearQ8.reference, eachProduct);
