import { codecs } from "../dtypes.js";
import { attribute, defineOp, floats, ints } from "../define-op.js";
import { ArgumentError, DeviceError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";
import { argmaxOfRow } from "./argmax.js";

/**
 * Log-probabilities of one given id a row and of the most probable ones.
 *
 * `logits` `[rows, vocab]`, `ids` `[rows]` → `logprobs` `[rows, 1 + count]` f32, those of `ids` and then of `top` `[rows, count]` i32: the ids of the `count` largest
 * logits, the largest first, ties to the lower id. A log-probability is x − ln Σ exp x. An infinite maximum leaves all the probability to the ids that share it; NaN
 * has none (−∞) and is never among the largest: where a row has fewer numbers than `count`, −1 and −∞ fill it up. A row of nothing but NaN, or an id outside of the
 * vocabulary, fails the op.
 */
export const topLogprobs = defineOp({
  name: "topLogprobs",
  args: { logits: floats("rows", "vocab"), ids: ints("rows"), count: attribute.integer },
  outputs: ({ logits, count }) => {
    if (count < 0) throw new ArgumentError(`topLogprobs: count must be 0 or more, but is ${count}`);
    return [
      { shape: [logits.shape[0]!, 1 + count], dtype: "f32" },
      { shape: [logits.shape[0]!, count], dtype: "i32" },
    ];
  },

  reference(args, [logprobs, top]) {
    eachLogprob(args, (row, place, id, logprob) => {
      logprobs.set(logprob, row, place);
      if (place > 0) top.set(id, row, place - 1);
    });
  },

  // 4u: an exponential's own error. Rounding x − max moves an exponential by |x − max|·u, weighed by the exponential itself.
  bound(args, [limits]) {
    const { unit } = codecs.f32;
    eachLogprob(args, (row, place, _id, logprob, sumError) => {
      limits!.set(Number.isFinite(logprob) ? unit * (4 * Math.abs(logprob) + sumError) : 0, row, place);
    });
  },
});

function eachLogprob(
  { logits, ids, count }: { readonly logits: HostTensor; readonly ids: HostTensor; readonly count: number },
  visit: (row: number, place: number, id: number, logprob: number, sumError: number) => void,
): void {
  for (let row = 0; row < logits.size(0); row++) {
    const chosen = ids.at(row);
    if (chosen < 0 || chosen >= logits.size(1))
      throw new DeviceError(
        "topLogprobs",
        `id ${chosen} of row ${row} is outside of the vocabulary of ${logits.size(1)}`,
      );
    const largest = logits.at(row, argmaxOfRow("topLogprobs", logits, row));
    const distance = (id: number): number => {
      const x = logits.at(row, id);
      return Number.isNaN(x) ? -Infinity : x === largest ? 0 : x - largest;
    };
    const order: number[] = [];
    let [sum, error] = [0, 0];
    for (let id = 0; id < logits.size(1); id++) {
      const far = distance(id);
      const weight = Math.exp(far);
      sum += weight;
      if (weight > 0) error += weight * (4 - far);
      if (!Number.isNaN(logits.at(row, id))) order.push(id);
    }
    order.sort((a, b) => logits.at(row, b) - logits.at(row, a) || a - b);
    const log = Math.log(sum);
    const tell = (place: number, id: number) =>
      visit(row, place, id, id < 0 ? -Infinity : distance(id) - log, 4 + error / sum);
    tell(0, chosen);
    for (let place = 1; place <= count; place++) tell(place, order[place - 1] ?? -1);
  }
}
