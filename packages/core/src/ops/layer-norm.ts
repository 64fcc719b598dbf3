import { activations, attribute, defineOp, weights } from "../define-op.js";
import { type HostTensor } from "../host-tensor.js";
import { like } from "../tensor.js";
import { sumBound } from "./bounds.js";
import { addRows } from "./rms-norm.js";

/**
 * Layer normalisation of each row: `y = (x − mean(x)) / √(var(x) + ε) · weight + bias` (biased variance).
 *
 * `x` `[rows, hidden]`, `weight`, `bias` `[hidden]` → `[rows, hidden]`. Source: Ba, Kiros & Hinton 2016, eq. 4.
 */
export const layerNorm = defineOp({
  name: "layerNorm",
  args: {
    x: activations("rows", "hidden"),
    weight: weights("hidden"),
    bias: weights("hidden"),
    epsilon: attribute.number,
  },
  outputs: ({ x }) => [like(x)],
  reference({ x, weight, bias, epsilon }, [y]) {
    normaliseRows(x, weight, bias, epsilon, y);
  },
  bound({ x, weight, bias, epsilon }, [limit]) {
    normBound(x, weight, bias, epsilon, limit!);
  },
});

/**
 * A residual sum and its layer normalisation in one pass.
 *
 * `x`, `residual` `[rows, hidden]`, `weight`, `bias` `[hidden]` → `sum`, `normed`, both `[rows, hidden]`. `sum` is rounded to its dtype before it is normalised.
 */
export const addLayerNorm = defineOp({
  name: "addLayerNorm",
  args: {
    x: activations("rows", "hidden"),
    residual: activations("rows", "hidden"),
    weight: weights("hidden"),
    bias: weights("hidden"),
    epsilon: attribute.number,
  },
  outputs: ({ x }) => [like(x), like(x)],
  reference({ x, residual, weight, bias, epsilon }, [sum, normed]) {
    addRows(x, residual, sum);
    normaliseRows(sum, weight, bias, epsilon, normed);
  },
  bound({ weight, bias, epsilon }, [, normedLimit], [sum]) {
    normBound(sum, weight, bias, epsilon, normedLimit!);
  },
});

function moments(x: HostTensor, row: number, epsilon: number): { mean: number; scale: number; largest: number } {
  const count = x.size(1);
  let mean = 0;
  let largest = 0;
  for (let i = 0; i < count; i++) mean += x.at(row, i) / count;
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(x.at(row, i)));
  let variance = 0;
  for (let i = 0; i < count; i++) variance += (x.at(row, i) - mean) ** 2 / count;
  return { mean, scale: 1 / Math.sqrt(variance + epsilon), largest };
}

function normaliseRows(x: HostTensor, weight: HostTensor, bias: HostTensor, epsilon: number, y: HostTensor): void {
  for (let row = 0; row < x.size(0); row++) {
    const { mean, scale } = moments(x, row, epsilon);
    for (let i = 0; i < x.size(1); i++) y.set((x.at(row, i) - mean) * scale * weight.at(i) + bias.at(i), row, i);
  }
}

/** The mean cancels, so its error stands against the largest |x| of the row, not against x − mean; the variance inherits it. */
function normBound(x: HostTensor, weight: HostTensor, bias: HostTensor, epsilon: number, limit: HostTensor): void {
  for (let row = 0; row < x.size(0); row++) {
    const { mean, scale, largest } = moments(x, row, epsilon);
    for (let i = 0; i < x.size(1); i++) {
      const normed = Math.abs((x.at(row, i) - mean) * scale);
      const magnitude = (largest * scale * (1 + normed) + normed + 1) * Math.abs(weight.at(i)) + Math.abs(bias.at(i));
      limit.set(sumBound(x.size(1) + 6, magnitude), row, i);
    }
  }
}
