import { codecs } from "../dtypes.js";
import { defineOp, floats, ints } from "../define-op.js";

/**
 * Cosines and sines of the rotary angles of a step, computed once for all layers.
 *
 * `positions` `[rows]`, `frequencies` `[half]` (radians per position) → `[rows, 2·half]`: first the cosines, then the sines.
 * Source: Su et al. 2021 (RoFormer), eq. 34.
 */
export const ropeTable = defineOp({
  name: "ropeTable",
  args: { positions: ints("rows"), frequencies: floats("half") },
  outputs: ({ positions, frequencies }) => [{ shape: [positions.shape[0]!, 2 * frequencies.shape[0]!], dtype: "f32" }],

  reference({ positions, frequencies }, [table]) {
    const half = frequencies.size(0);
    for (let row = 0; row < positions.size(0); row++) {
      for (let i = 0; i < half; i++) {
        const angle = positions.at(row) * frequencies.at(i);
        table.set(Math.cos(angle), row, i);
        table.set(Math.sin(angle), row, half + i);
      }
    }
  },

  // A device (and every published implementation) forms the angle in f32: its rounding is u·|angle| whatever the cosine's own accuracy.
  bound({ positions, frequencies }, [limit]) {
    const half = frequencies.size(0);
    for (let row = 0; row < positions.size(0); row++) {
      for (let i = 0; i < half; i++) {
        const error = codecs.f32.unit * (Math.abs(positions.at(row) * frequencies.at(i)) + 4);
        limit!.set(error, row, i);
        limit!.set(error, row, half + i);
      }
    }
  },
});
