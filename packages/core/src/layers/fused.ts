import { type Taps } from "../interfaces/causal-lm.js";
import { type RowBatch } from "../interfaces/rows.js";
import { gatedLinear } from "../ops/gated-linear.js";
import { gatedLinearBf16 } from "../ops/gated-linear-bf16.js";
import { gatedLinearQ8 } from "../ops/gated-linear-q8.js";
import { linears } from "../ops/linears.js";
import { linearsBf16 } from "../ops/linears-bf16.js";
import { linearsQ8 } from "../ops/linears-q8.js";
import { siluMul } from "../ops/silu-mul.js";
import { isTensor, type Tensor } from "../tensor.js";
import { type Linear } from "./linear.js";

/** The fused ops of layers that round in one way. */
const threeBy = { none: linears, q8: linearsQ8, bf16: linearsBf16 };
const gatedBy = { none: gatedLinear, q8: gatedLinearQ8, bf16: gatedLinearBf16 };

/** Three layers over one input, `[rows, in]` → `[rows, out]` each: one op where their weights allow, with the same result. */
export function applyThree(
  layers: readonly [Linear, Linear, Linear],
  x: Tensor,
  rows: RowBatch,
  taps?: Taps,
): [Tensor, Tensor, Tensor] {
  const [a, b, c] = layers;
  const weights = fusible(layers);
  if (!weights) return [a.apply(x, rows, taps), b.apply(x, rows, taps), c.apply(x, rows, taps)];
  for (const { site } of layers) taps?.input?.(site, x);
  const [aWeight, bWeight, cWeight] = weights as [Tensor, Tensor, Tensor];
  return threeBy[a.rounding]({ x, a: aWeight, b: bWeight, c: cWeight, aBias: a.bias, bBias: b.bias, cBias: c.bias });
}

/** The inner half of a gated MLP, `silu(gate(x)) · up(x)`, `[rows, hidden]` → `[rows, width]`: one op where the weights allow, with the same result. */
export function applyGated(gate: Linear, up: Linear, x: Tensor, rows: RowBatch, taps?: Taps): Tensor {
  const weights = fusible([gate, up]);
  if (!weights) return siluMul({ gate: gate.apply(x, rows, taps), up: up.apply(x, rows, taps) });
  for (const { site } of [gate, up]) taps?.input?.(site, x);
  const [gateWeight, upWeight] = weights as [Tensor, Tensor];
  return gatedBy[gate.rounding]({ x, gate: gateWeight, up: upWeight, gateBias: gate.bias, upBias: up.bias });
}

/** The layers' weights, if they are tensors of one dtype, round activations in one way, and no layer does more than its product. */
function fusible(layers: readonly Linear[]): readonly Tensor[] | undefined {
  const weights: Tensor[] = [];
  for (const layer of layers) {
    const { weight } = layer;
    if (!isTensor(weight) || layer.rounding !== layers[0]!.rounding || !layer.isPlain) return undefined;
    if (weights.length > 0 && weight.dtype !== weights[0]!.dtype) return undefined;
    weights.push(weight);
  }
  return weights;
}
