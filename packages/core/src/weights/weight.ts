import { type ActivationDType, bytesOf } from "../dtypes.js";
import { type Shape } from "../shape.js";
import { isTensor, type Tensor } from "../tensor.js";

/** What is done with a weight whose elements are not a tensor's: one object a format, shared by all weights of it. */
export interface LinearFormat {
  /** Also the op's: `linear.<name>`. */
  readonly name: string;
  /** `x · weightᵀ + bias`: `[rows, in]` → `[rows, out]`, of the dtype of `x` or `as`. */
  product(x: Tensor, weight: Weight, bias: Tensor | undefined, as: ActivationDType | undefined): Tensor;
}

/** A weight that is kept in a form of its own: named tensors that stand for a matrix. */
export interface Weight {
  readonly format: LinearFormat;
  /** Of the matrix: `[out, in]`. */
  readonly shape: Shape;
  readonly parts: Readonly<Record<string, Tensor>>;
}

/** What a linear layer may have: a matrix, or a weight of any format. */
export type LinearWeight = Tensor | Weight;

/** Bytes that a weight takes, all parts together. */
export function weightBytes(weight: LinearWeight): number {
  const tensors = isTensor(weight) ? [weight] : Object.values(weight.parts);
  return tensors.reduce((sum, { elements, dtype }) => sum + elements * bytesOf(dtype), 0);
}

/** Gives the memory of a weight back, all parts. Safe to call twice. */
export function disposeWeight(weight: LinearWeight): void {
  if (isTensor(weight)) weight.dispose();
  else for (const part of Object.values(weight.parts)) part.dispose();
}
