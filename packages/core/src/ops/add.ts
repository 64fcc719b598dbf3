import { activations, defineOp } from "../define-op.js";
import { like } from "../tensor.js";
import { addRows } from "./rms-norm.js";

/** `y = a + b`, element by element. `a`, `b` `[rows, columns]` → `[rows, columns]`, correctly rounded to their dtype. */
export const add = defineOp({
  name: "add",
  args: { a: activations("rows", "columns"), b: activations("rows", "columns") },
  outputs: ({ a }) => [like(a)],
  reference({ a, b }, [y]) {
    addRows(a, b, y);
  },
  bound() {},
});
