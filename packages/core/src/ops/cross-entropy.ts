import { codecs } from "../dtypes.js";
import { defineOp, floats, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";

/**
 * Negative log likelihood of one target per row: `loss[r] = log Σᵢ exp(logits[r, i]) − logits[r, targets[r]]`, in nats.
 *
 * `logits` `[rows, vocab]`, `targets` `[rows]` → `[rows]` f32. A negative target (nothing to predict) gives 0; one outside of the vocabulary fails the op.
 */
export const crossEntropy = defineOp({
  name: "crossEntropy",
  args: { logits: floats("rows", "vocab"), targets: ints("rows") },
  outputs: ({ logits }) => [{ shape: [logits.shape[0]!], dtype: "f32" }],

  reference({ logits, targets }, [loss]) {
    for (let row = 0; row < logits.size(0); row++) {
      const target = targetOf(logits, targets, row);
      if (target < 0) loss.set(0, row);
      else loss.set(logSum(logits, row) - logits.at(row, target), row);
    }
  },

  // The sum's terms are positive, so its error is relative to it and the logarithm makes that absolute; the two logits then cancel.
  bound({ logits, targets }, [limit]) {
    for (let row = 0; row < logits.size(0); row++) {
      const target = targetOf(logits, targets, row);
      if (target < 0) continue;
      const sum = logSum(logits, row);
      const magnitude = Math.abs(sum) + Math.abs(largestOf(logits, row)) + Math.abs(logits.at(row, target));
      limit!.set(codecs.f32.unit * (24 + 2 * Math.sqrt(logits.size(1)) + 4 * magnitude), row);
    }
  },
});

function targetOf(logits: HostTensor, targets: HostTensor, row: number): number {
  const target = targets.at(row);
  if (target >= logits.size(1))
    throw new DeviceError(
      "crossEntropy",
      `target ${target} in row ${row} is outside of the vocabulary of ${logits.size(1)}`,
    );
  return target;
}

function largestOf(logits: HostTensor, row: number): number {
  let largest = -Infinity;
  for (let i = 0; i < logits.size(1); i++) largest = Math.max(largest, logits.at(row, i));
  return largest;
}

function logSum(logits: HostTensor, row: number): number {
  const largest = largestOf(logits, row);
  let sum = 0;
  for (let i = 0; i < logits.size(1); i++) sum += Math.exp(logits.at(row, i) - largest);
  return largest + Math.log(sum);
}
