import { brainFloats, defineOp, floats, optional, weights } from "../define-op.js";
import { gatedBy } from "./gated-linear.js";
import { eachProduct, linearBf16 } from "./linear-bf16.js";

/**
 * `gatedLinear` with activations rounded to bf16, once for both layers: to the bit what two `linearBf16` and `siluMul` give.
 *
 * `x` `[rows, in]` f32; `gate`, `up` `[width, in]` bf16, their biases `[width]` → `[rows, width]` f32.
 */
export const gatedLinearBf16 = defineOp({
  name: "gatedLinear.bf16",
  args: {
    x: floats("rows", "in"),
    gate: brainFloats("width", "in"),
    up: brainFloats("width", "in"),
    gateBias: optional(weights("width")),
    upBias: optional(weights("width")),
  },
  outputs: ({ x, gate }) => [{ shape: [x.shape[0]!, gate.shape[0]!], dtype: "f32" }],
  reference(args, [y]) {
    rules.reference(args, [y]);
  },
  bound(args, [limit], [y]) {
    rules.bound(args, [limit!], [y]);
  },
});

const rules = gatedBy(linearBf16.reference, eachProduct);
