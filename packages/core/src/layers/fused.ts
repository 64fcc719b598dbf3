import { type Taps } from "../interfaces/causal-lm.js";
import { type RowBatch } from "../interfaces/rows.js";
import { gatedLinear } from "../ops/gated-linear.js";
import { linears } from "../ops/linears.js";
import { siluMul } from "../ops/silu-mul.js";
import { type Tensor } from "../tensor.js";
import { Linear } from "./linear.js";

/** Three layers over one input, `[rows, in]` → `[rows, out]` each: one op where their weights allow, with the same result. */
export function applyThree(
  layers: readonly [Linear, Linear, Linear],
  x: Tensor,
  rows: RowBatch,
  taps?: Taps,
): [Tensor, Tensor, Tensor] {
  const [a, b, c] = layers;
  if (!fusible(layers)) return [a.apply(x, rows, taps), b.apply(x, rows, taps), c.apply(x, rows, taps)];
  for (const { site } of layers) taps?.input?.(site, x);
  return linears({ x, a: a.weight, b: b.weight, c: c.weight, aBias: a.bias, bBias: b.bias, cBias: c.bias });
}

/** The inner half of a gated MLP, `silu(gate(x)) · up(x)`, `[rows, hidden]` → `[rows, width]`: one op where the weights allow, with the same result. */
export function applyGated(gate: Linear, up: Linear, x: Tensor, rows: RowBatch, taps?: Taps): Tensor {
  if (!fusible([gate, up])) return siluMul({ gate: gate.apply(x, rows, taps), up: up.apply(x, rows, taps) });
  for (const { site } of [gate, up]) taps?.input?.(site, x);
  return gatedLinear({ x, gate: gate.weight, up: up.weight, gateBias: gate.bias, upBias: up.bias });
}

/** Weights of one dtype, and no layer that does more than its product. */
function fusible(layers: readonly Linear[]): boolean {
  const { dtype } = layers[0]!.weight;
  for (const layer of layers) {
    if (layer.weight.dtype !== dtype || layer.int8Activations || layer.apply !== Linear.prototype.apply) return false;
  }
  return true;
}
