import { activations, defineOp, DeviceError, ints, weights, type HostTensor } from "@whittle/core";

/**
 * Stores the keys and values of a step's rows in a paged pool, rounded once to the pool's dtype.
 *
 * `k` `[rows, width]`, `v` `[rows, valueWidth]`, `keys` `[slots, width]` and `values` `[slots, valueWidth]` (both mutated), `slots` `[rows]`: where each
 * row goes. A negative slot (a padding row) writes nothing; one outside of the pool fails the op. No two rows share a slot.
 */
export const appendKvPaged = defineOp({
  name: "appendKv.paged",
  args: {
    k: activations("rows", "width"),
    v: activations("rows", "valueWidth"),
    keys: weights("slots", "width"),
    values: weights("slots", "valueWidth"),
    slots: ints("rows"),
  },
  outputs: () => [],
  mutates: ["keys", "values"],

  reference({ k, v, keys, values, slots }) {
    for (let row = 0; row < slots.size(0); row++) {
      const slot = slots.at(row);
      if (slot >= keys.size(0))
        throw new DeviceError("appendKv.paged", `row ${row} goes to slot ${slot} of ${keys.size(0)}`);
      if (slot < 0) continue;
      copyRow(k, row, keys, slot);
      copyRow(v, row, values, slot);
    }
  },

  bound() {},
});

/** Row `from` of one tensor into row `to` of another, rounded to its dtype. */
export function copyRow(source: HostTensor, from: number, target: HostTensor, to: number): void {
  for (let i = 0; i < source.size(1); i++) target.set(source.at(from, i), to, i);
}
