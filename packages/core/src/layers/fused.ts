import { type Taps } from "../interfaces/causal-lm.js";
import { type RowBatch } from "../interfaces/rows.js";
import { gatedLinear } from "../ops/gated-linear.js";
import { gatedLinearQ8 } from "../ops/gated-linear-q8.js";
import { linears } from "../ops/linears.js";
import { linearsQ8 } from "../ops/linears-q8.js";
import { siluMul } from "../ops/silu-mul.js";
import { isTensor, type Tensor } from "../tensor.js";
import { Linear } from "./linear.js";

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
  const fused = a.int8Activations ? linearsQ8 : linears;
  return fused({ x, a: aWeight, b: bWeight, c: cWeight, aBias: a.bias, bBias: b.bias, cBias: c.bias });
}

/** The inner half of a gated MLP, `silu(gate(x)) · up(x)`, `[rows, hidden]` → `[rows, width]`: one op where the weights allow, with the same result. */
export function applyGated(gate: Linear, up: Linear, x: Tensor, rows: RowBatch, taps?: Taps): Tensor {
  const weights = fusible([gate, up]);
  if (!weights) return siluMul({ gate: gate.apply(x, rows, taps), up: up.apply(x, rows, taps) });
  for (const { site } of [gate, up]) taps?.input?.(site, x);
  const [gateWeight, upWeight] = weights as [Tensor, Tensor];
  const fused = gate.int8Activations ? gatedLinearQ8 : gatedLinear;
  return fused({ x, gate: gateWeight, up: upWeight, gateBias: gate.bias, upBias: up.bias });
}

/** The layers' weights, if they are tensors of one dtype, meet activations of one kind, and no layer does more than its product. */
function fusible(layers: readonly Linear[]): readonly Tensor[] | undefined {
  const weights: Tensor[] = [];
  for (const layer of layers) {
    const { weight } = layer;
    if (
      !isTensor(weight) ||
      layer.int8Activations !== layers[0]!.int8Activations ||
      layer.apply !== Linear.prototype.apply
    )
      return undefined;
    if (weights.length > 0 && weight.dtype !== weights[0]!.dtype) return undefined;
    weights.push(weight);
  }
  return weights;
}
