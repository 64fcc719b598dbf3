import { activations, defineOp } from "../define-op.js";
import { codecs } from "../dtypes.js";
import { like } from "../tensor.js";

/**
 * The gated half of a LLaMA MLP: `y = silu(gate) · up`, `silu(z) = z / (1 + e⁻ᶻ)`.
 *
 * `gate`, `up` `[rows, width]` → `[rows, width]`. Source: Shazeer 2020, eq. 6 (SwiGLU).
 */
export const siluMul = defineOp({
  name: "siluMul",
  args: { gate: activations("rows", "width"), up: activations("rows", "width") },
  outputs: ({ gate }) => [like(gate)],

  reference({ gate, up }, [y]) {
    for (let row = 0; row < gate.size(0); row++) {
      for (let i = 0; i < gate.size(1); i++) {
        const z = gate.at(row, i);
        y.set((z / (1 + Math.exp(-z))) * up.at(row, i), row, i);
      }
    }
  },

  // e⁻ᶻ carries a relative error of about |z|·u from rounding its argument, besides the polynomial's own; where silu falls below the
  // smallest normal number a device may flush it to zero.
  bound({ gate, up }, [limit], [y]) {
    for (let row = 0; row < gate.size(0); row++) {
      for (let i = 0; i < gate.size(1); i++) {
        const relative = codecs.f32.unit * (16 + 2 * Math.min(Math.abs(gate.at(row, i)), 104));
        limit!.set(relative * Math.abs(y.at(row, i)) + 2 ** -120 * (1 + Math.abs(up.at(row, i))), row, i);
      }
    }
  },
});
