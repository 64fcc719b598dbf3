import { activations, blockWeights, defineOp, optional, weights } from "../define-op.js";
import { codecs } from "../dtypes.js";
import { HostTensor } from "../host-tensor.js";
import { roundingBound } from "./bounds.js";
import { type EachProduct, eachProduct, linear, type LinearReference } from "./linear.js";
import { checkSameDType } from "./linears.js";
import { siluMul } from "./silu-mul.js";

/**
 * Both inner layers of a gated MLP and their product: `y = silu(x · gateᵀ + gateBias) · (x · upᵀ + upBias)`.
 *
 * `x` `[rows, in]`; `gate`, `up` `[width, in]` of one dtype, their biases `[width]` → `[rows, width]`, dtype of `x`. To the bit what two `linear` and `siluMul` give: both
 * products are rounded to the dtype of `x` before they meet. Source: Shazeer 2020, eq. 6 (SwiGLU).
 */
export const gatedLinear = defineOp({
  name: "gatedLinear",
  args: {
    x: activations("rows", "in"),
    gate: blockWeights("width", "in"),
    up: blockWeights("width", "in"),
    gateBias: optional(weights("width")),
    upBias: optional(weights("width")),
  },
  outputs: ({ x, gate, up }) => {
    checkSameDType("gatedLinear", { gate, up });
    return [{ shape: [x.shape[0]!, gate.shape[0]!], dtype: x.dtype }];
  },
  reference(args, [y]) {
    rules.reference(args, [y]);
  },
  bound(args, [limit], [y]) {
    rules.bound(args, [limit!], [y]);
  },
});

const rules = gatedBy(linear.reference, eachProduct);

interface GatedArgs {
  readonly x: HostTensor;
  readonly gate: HostTensor;
  readonly up: HostTensor;
  readonly gateBias?: HostTensor | undefined;
  readonly upBias?: HostTensor | undefined;
}

/** Reference and bound of a gated MLP's inner half, whatever its linear layers are. */
export function gatedBy(product: LinearReference, each: EachProduct) {
  /** The two products, as stored between the ops. */
  const products = ({ x, gate, up, gateBias, upBias }: GatedArgs) => {
    const shape = [x.size(0), gate.size(0)];
    const stored = { gate: HostTensor.zeros(shape, x.dtype), up: HostTensor.zeros(shape, x.dtype) };
    product({ x, weight: gate, bias: gateBias }, [stored.gate]);
    product({ x, weight: up, bias: upBias }, [stored.up]);
    return stored;
  };
  return {
    reference(args: GatedArgs, [y]: [HostTensor]): void {
      siluMul.reference(products(args), [y]);
    },

    // Errors of the products pass through silu, whose slope is at most 1.1, and through the multiplication; siluMul adds its own.
    bound(args: GatedArgs, [limit]: HostTensor[], [y]: [HostTensor]): void {
      const { x, gate, up, gateBias, upBias } = args;
      const rounded = products(args);
      siluMul.bound!(rounded, [limit!], [y]);
      const gateErrors = HostTensor.limits(y.shape);
      const error = (dot: number, sumError: number) => sumError + roundingBound(x.dtype, dot, sumError);
      each(x, gate, gateBias, (row, i, dot, sumError) => gateErrors.set(error(dot, sumError), row, i));
      each(x, up, upBias, (row, i, dot, sumError) => {
        const [z, other] = [rounded.gate.at(row, i), Math.abs(rounded.up.at(row, i))];
        const [gateError, upError] = [gateErrors.at(row, i), error(dot, sumError)];
        const silu = Math.abs(z / (1 + Math.exp(-z)));
        const moved = 1.1 * gateError * (other + upError) + silu * upError;
        // The largest f32 times anything may overflow, and where a product already has, so may all that follows.
        const finite = moved + silu * other <= codecs.f32.largest;
        limit!.set(finite ? limit!.at(row, i) + (1 + 2 ** -16) * moved : Infinity, row, i);
      });
    },
  };
}
