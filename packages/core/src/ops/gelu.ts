import { activations, attribute, defineOp } from "../define-op.js";
import { codecs } from "../dtypes.js";
import { like } from "../tensor.js";

/**
 * Gaussian error linear unit. With `approximate`, the tanh form that GPT-2 uses: `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`; else `x·Φ(x)`.
 *
 * `x` `[rows, width]` → `[rows, width]`. Source: Hendrycks & Gimpel 2016, §2.
 */
export const gelu = defineOp({
  name: "gelu",
  args: { x: activations("rows", "width"), approximate: attribute.boolean },
  outputs: ({ x }) => [like(x)],

  reference({ x, approximate }, [y]) {
    for (let row = 0; row < x.size(0); row++) {
      for (let i = 0; i < x.size(1); i++) {
        const z = x.at(row, i);
        const inner = approximate ? Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)) : erf(z / Math.SQRT2);
        y.set(z === -Infinity ? 0 : (z / 2) * (1 + inner), row, i);
      }
    }
  },

  // 1 + tanh (or erf) cancels for negative x, so the error stands against |x|, not against the result.
  bound({ x }, [limit]) {
    for (let row = 0; row < x.size(0); row++)
      for (let i = 0; i < x.size(1); i++) limit!.set(16 * codecs.f32.unit * Math.abs(x.at(row, i)) + 2 ** -140, row, i);
  },
});

/** Error function to float64 accuracy: Taylor series near zero, continued fraction (Lentz) in the tails. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return NaN;
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 200; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = z;
  for (let n = 60; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction));
}
