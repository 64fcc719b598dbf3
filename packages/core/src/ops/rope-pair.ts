import { activations, attribute, defineOp, floats } from "../define-op.js";
import { like } from "../tensor.js";
import { checkRotation, rope } from "./rope.js";

/**
 * `rope` of two tensors by the same angles: a step's queries and keys, each to the bit what `rope` gives.
 *
 * `q` `[rows, heads·headDim]`, `k` `[rows, kvHeads·headDim]`, `table` `[rows, headDim]` from `ropeTable` → like `q`, like `k`.
 */
export const ropePair = defineOp({
  name: "ropePair",
  args: {
    q: activations("rows", "width"),
    k: activations("rows", "keyWidth"),
    table: floats("rows", "headDim"),
    interleaved: attribute.boolean,
  },
  outputs: ({ q, k, table }) => {
    checkRotation("ropePair", { q, k }, table);
    return [like(q), like(k)];
  },
  reference({ q, k, table, interleaved }, [rotatedQ, rotatedK]) {
    rope.reference({ x: q, table, interleaved }, [rotatedQ]);
    rope.reference({ x: k, table, interleaved }, [rotatedK]);
  },
  bound({ q, k, table, interleaved }, [qLimit, kLimit], [rotatedQ, rotatedK]) {
    rope.bound!({ x: q, table, interleaved }, [qLimit!], [rotatedQ]);
    rope.bound!({ x: k, table, interleaved }, [kLimit!], [rotatedK]);
  },
});
