import { expect, it } from "vitest";
import { packed } from "./packed.js";
import { reference } from "./reference-device.js";

it("keeps nothing, so that there is nothing to find, to seal or to share", async () => {
  const device = reference();
  const cache = packed([{ heads: 1, kvHeads: 1, headDim: 1 }], device);
  const rowsOf = (sequence: number, count: number) => ({
    tokens: device.tensor(new Int32Array(count), [count], "i32"),
    positions: device.tensor(new Int32Array(count), [count], "i32"),
    wanted: device.tensor([], [0], "i32"),
    runs: [{ sequence, from: 0, count, held: false }],
  });
  const prompt = Int32Array.of(1, 2);
  const { sequence, cached } = cache.open(prompt);
  const first = cache.prepare(rowsOf(sequence, 2));
  first.attend(0, device.zeros([2, 1]), device.zeros([2, 1]), device.tensor([3, 4], [2, 1]));
  first.commit();
  cache.seal(sequence, prompt);
  const fork = cache.fork(sequence);
  expect(fork).not.toBe(sequence);
  expect([cached, cache.open(prompt).cached, cache.length(fork)]).toEqual([0, 0, 0]);
  const step = cache.prepare(rowsOf(fork, 1));
  const out = step.attend(0, device.zeros([1, 1]), device.zeros([1, 1]), device.tensor([7], [1, 1]));
  expect([...(await out.read())]).toEqual([7]);
});
