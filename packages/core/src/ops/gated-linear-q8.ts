import { blocks, defineOp, floats, optional, weights } from "../define-op.js";
import { gatedBy } from "./gated-linear.js";
import { eachProduct, linearQ8 } from "./linear-q8.js";
import { checkSameDType } from "./linears.js";

/**
 * `gatedLinear` with activations rounded to 8 bits, once for both layers: to the bit what two `linearQ8` and `siluMul` give.
 *
 * `x` `[rows, in]` f32; `gate`, `up` `[width, in]` in blocks of one dtype, their biases `[width]` → `[rows, width]` f32.
 */
export const gatedLinearQ8 = defineOp({
  name: "gatedLinear.q8",
  args: {
    x: floats("rows", "in"),
    gate: blocks("width", "in"),
    up: blocks("width", "in"),
    gateBias: optional(weights("width")),
    upBias: optional(weights("width")),
  },
  outputs: ({ x, gate, up }) => {
    checkSameDType("gatedLinear.q8", { gate, up });
    return [{ shape: [x.shape[0]!, gate.shape[0]!], dtype: "f32" }];
  },
  reference(args, [y]) {
    rules.reference(args, [y]);
  },
  bound(args, [limit], [y]) {
    rules.bound(args, [limit!], [y]);
  },
});

const rules = gatedBy(linearQ8.reference, eachProduct);
