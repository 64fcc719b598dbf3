import { activations, attribute, defineOp, weights } from "../define-op.js";
import { type HostTensor } from "../host-tensor.js";
import { like } from "../tensor.js";
import { sumBound } from "./bounds.js";

/**
 * Root-mean-square normalisation of each row: `y = x / √(mean(x²) + ε) · weight`.
 *
 * `x` `[rows, hidden]`, `weight` `[hidden]` → `[rows, hidden]`. Source: Zhang & Sennrich 2019, eq. 4.
 */
export const rmsNorm = defineOp({
  name: "rmsNorm",
  args: { x: activations("rows", "hidden"), weight: weights("hidden"), epsilon: attribute.number },
  outputs: ({ x }) => [like(x)],
  reference({ x, weight, epsilon }, [y]) {
    normaliseRows(x, weight, epsilon, y);
  },
  bound({ x }, [limit], [y]) {
    relativeBound(x.size(1), limit!, y);
  },
});

/**
 * A residual sum and its normalisation in one pass: `sum = x + residual`, `normed = rmsNorm(sum)`.
 *
 * `x`, `residual` `[rows, hidden]`, `weight` `[hidden]` → `sum`, `normed`, both `[rows, hidden]`. `sum` is rounded to its dtype before it is normalised.
 */
export const addRmsNorm = defineOp({
  name: "addRmsNorm",
  args: {
    x: activations("rows", "hidden"),
    residual: activations("rows", "hidden"),
    weight: weights("hidden"),
    epsilon: attribute.number,
  },
  outputs: ({ x }) => [like(x), like(x)],
  reference({ x, residual, weight, epsilon }, [sum, normed]) {
    addRows(x, residual, sum);
    normaliseRows(sum, weight, epsilon, normed);
  },
  bound({ x }, [, normedLimit], [, normed]) {
    relativeBound(x.size(1), normedLimit!, normed);
  },
});

function normaliseRows(x: HostTensor, weight: HostTensor, epsilon: number, y: HostTensor): void {
  for (let row = 0; row < x.size(0); row++) {
    let squares = 0;
    for (let i = 0; i < x.size(1); i++) squares += x.at(row, i) ** 2;
    const scale = 1 / Math.sqrt(squares / x.size(1) + epsilon);
    for (let i = 0; i < x.size(1); i++) y.set(x.at(row, i) * scale * weight.at(i), row, i);
  }
}

/** `sum = x + residual`, element by element. */
export function addRows(x: HostTensor, residual: HostTensor, sum: HostTensor): void {
  for (let row = 0; row < x.size(0); row++)
    for (let i = 0; i < x.size(1); i++) sum.set(x.at(row, i) + residual.at(row, i), row, i);
}

/** All terms of the sum of squares are positive, so its error is relative to the result; a handful of roundings follow. */
function relativeBound(terms: number, limit: HostTensor, y: HostTensor): void {
  for (let row = 0; row < y.size(0); row++) {
    for (let i = 0; i < y.size(1); i++) limit.set(sumBound(terms + 6, Math.abs(y.at(row, i))), row, i);
  }
}
