import { defineOp, floats } from "../define-op.js";
import { like } from "../tensor.js";
import { addRows } from "./rms-norm.js";

/** `y = a + b`, element by element. `a`, `b` `[rows, columns]` → `[rows, columns]`, correctly rounded. */
export const add = defineOp({
  name: "add",
  args: { a: floats("rows", "columns"), b: floats("rows", "columns") },
  outputs: ({ a }) => [like(a)],
  reference({ a, b }, [y]) {
    addRows(a, b, y);
  },
  bound() {},
});
