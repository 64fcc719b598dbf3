import { activations, blockWeights, defineOp, optional, weights } from "../define-op.js";
import { ArgumentError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";
import { type TensorType } from "../tensor.js";
import { type EachProduct, eachProduct, linear, type LinearReference } from "./linear.js";

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
  reference(args, [ya, yb, yc]) {
    rules.reference(args, [ya, yb, yc]);
  },
  bound(args, limits) {
    rules.bound(args, limits);
  },
});

const rules = linearsBy(linear.reference, eachProduct);

interface LinearsArgs {
  readonly x: HostTensor;
  readonly a: HostTensor;
  readonly b: HostTensor;
  readonly c: HostTensor;
  readonly aBias?: HostTensor | undefined;
  readonly bBias?: HostTensor | undefined;
  readonly cBias?: HostTensor | undefined;
}

/** Reference and bound of three linear layers over one input, whatever these are. */
export function linearsBy(product: LinearReference, each: EachProduct) {
  const pairs = ({ a, b, c, aBias, bBias, cBias }: LinearsArgs) =>
    [
      [a, aBias],
      [b, bBias],
      [c, cBias],
    ] as const;
  return {
    reference(args: LinearsArgs, outputs: [HostTensor, HostTensor, HostTensor]): void {
      pairs(args).forEach(([weight, bias], i) => product({ x: args.x, weight, bias }, [outputs[i]!]));
    },
    bound(args: LinearsArgs, limits: HostTensor[]): void {
      pairs(args).forEach(([weight, bias], i) =>
        each(args.x, weight, bias, (row, out, _sum, error) => limits[i]!.set(error, row, out)),
      );
    },
  };
}

/** @throws ArgumentError if the weights of a fused op differ in dtype. */
export function checkSameDType(op: string, tensors: Readonly<Record<string, TensorType>>): void {
  const entries = Object.entries(tensors);
  if (entries.every(([, { dtype }]) => dtype === entries[0]![1].dtype)) return;
  const all = entries.map(([name, { dtype }]) => `${name} ${dtype}`).join(", ");
  throw new ArgumentError(`${op}: the weights must have one dtype, but are ${all}`);
}
