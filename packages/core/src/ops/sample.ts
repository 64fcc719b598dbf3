import { defineOp, floats, ints } from "../define-op.js";
import { DeviceError } from "../errors.js";
import { type HostTensor } from "../host-tensor.js";
import { philox, purpose, uniform } from "../philox.js";
import { argmaxOfRow } from "./argmax.js";

/**
 * Draws one token id from each row of logits.
 *
 * `logits` `[rows, vocab]`; `settings` `[rows, 4]` f32: temperature, topK (0: all), topP (1: all), minP (0: all); `keys` `[rows, 4]`: seed (low, high
 * word), choice, position of the token drawn → ids `[rows]` i32.
 *
 * Temperature 0 is argmax (ties to the lowest id). Else p = softmax(logits / temperature); minP keeps p ≥ minP · max p; of those topK keeps the K most
 * probable and topP, after renormalising, the fewest most probable that reach P (ties to the lower id; at least one). The draw is the first kept id, in order of id, at which
 * the cumulative law exceeds u; u comes from Philox with the seed as key and (position, choice, purpose, 0) as counter, so that it does not
 * depend on the batch, the step or the row. NaN logits are never drawn; a row of nothing but NaN, or with a temperature below 0, fails the op.
 */
export const sample = defineOp({
  name: "sample",
  args: { logits: floats("rows", "vocab"), settings: floats("rows", "four"), keys: ints("rows", "four") },
  outputs: ({ logits }) => [{ shape: [logits.shape[0]!], dtype: "i32" }],
  reference({ logits, settings, keys }, [ids]) {
    for (let row = 0; row < logits.size(0); row++) ids.set(draw(logits, settings, keys, row), row);
  },
  bound() {},
});

function draw(logits: HostTensor, settings: HostTensor, keys: HostTensor, row: number): number {
  if (settings.at(row, 0) === 0) return argmaxOfRow("sample", logits, row);
  const law = samplingLaw(logits, settings, row);
  const u = uniform(
    philox([keys.at(row, 3), keys.at(row, 2), purpose.sample, 0], [keys.at(row, 0), keys.at(row, 1)])[0],
  );
  let cumulative = 0;
  let last = -1;
  for (const [id, probability] of law) {
    cumulative += probability;
    last = id;
    if (cumulative > u) return id;
  }
  return last;
}

/** The kept ids in order of id with their renormalised probabilities. */
export function samplingLaw(
  logits: HostTensor,
  settings: HostTensor,
  row: number,
): [id: number, probability: number][] {
  const [temperature, topK, topP, minP] = [0, 1, 2, 3].map((i) => settings.at(row, i)) as [
    number,
    number,
    number,
    number,
  ];
  if (!(temperature >= 0)) {
    throw new DeviceError("sample", `the temperature ${temperature} of row ${row} must be 0 or more`);
  }
  const largest = logits.at(row, argmaxOfRow("sample", logits, row));
  const all: [number, number][] = [];
  for (let id = 0; id < logits.size(1); id++) {
    const logit = logits.at(row, id);
    // An infinite maximum leaves all the probability to the ids that share it.
    const weight = logit === largest ? 1 : Math.exp((logit - largest) / temperature);
    if (weight > 0 && weight >= minP) all.push([id, weight]);
  }
  // By logit, not by weight: stored logits compare exactly on every device, while weights that round to the same number would tie.
  all.sort(([a], [b]) => logits.at(row, b) - logits.at(row, a) || a - b);
  if (topK >= 1) all.length = Math.min(all.length, Math.floor(topK));
  let total = all.reduce((sum, [, weight]) => sum + weight, 0);
  if (topP < 1) {
    let mass = 0;
    const enough = all.findIndex(([, weight]) => (mass += weight) >= topP * total);
    if (enough >= 0) all.length = enough + 1;
    total = all.reduce((sum, [, weight]) => sum + weight, 0);
  }
  return all.sort((a, b) => a[0] - b[0]).map(([id, weight]) => [id, weight / total]);
}
