import { defineOp, floats } from "../define-op.js";
import { DeviceError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";

/**
 * Index of the largest element of each row; ties go to the lowest index.
 *
 * `x` `[rows, columns]` → `[rows]` i32. NaN is never the largest; a row of nothing but NaN, or without columns, fails the op.
 */
export const argmax = defineOp({
  name: "argmax",
  args: { x: floats("rows", "columns") },
  outputs: ({ x }) => [{ shape: [x.shape[0]!], dtype: "i32" }],
  reference({ x }, [y]) {
    for (let row = 0; row < x.size(0); row++) y.set(argmaxOfRow("argmax", x, row), row);
  },
  bound() {},
});

/** @throws DeviceError if the row has no number in it. */
export function argmaxOfRow(op: string, x: HostTensor, row: number): number {
  let best = -1;
  for (let i = 0; i < x.size(1); i++) {
    const value = x.at(row, i);
    if (!Number.isNaN(value) && (best < 0 || value > x.at(row, best))) best = i;
  }
  if (best < 0) throw new DeviceError(op, `row ${row} holds no number (of ${x.size(1)} columns)`);
  return best;
}
