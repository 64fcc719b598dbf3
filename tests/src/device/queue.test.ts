import { add, embedding, gatherRows, siluMul, transpose, type Tensor } from "@whittle/core";
import { describe, expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

onEachDevice(({ open }) => {
  describe("recording", () => {
    test("returns at once and runs in order, over many flushes", async () => {
      const device = await open();
      let x = device.tensor([1, 2], [1, 2]);
      const one = device.tensor([1, 1], [1, 2]);
      for (let i = 0; i < 1000; i++) x = add({ a: x, b: one });
      expect(await x.read()).toEqual(Float32Array.of(1001, 1002));
    });

    test("gives results without a read being waited for first", async () => {
      const device = await open();
      const a = device.tensor([1, 2, 3, 4], [2, 2]);
      const reads: Promise<unknown>[] = [];
      for (let i = 0; i < 200; i++) reads.push(add({ a, b: a }).read());
      for (const values of await Promise.all(reads)) expect(values).toEqual(Float32Array.of(2, 4, 6, 8));
    });

    test("leaves optional arguments and empty tensors alone", async () => {
      const device = await open();
      const empty = device.tensor([], [0, 4]);
      const y = add({ a: empty, b: empty });
      expect(y.shape).toEqual([0, 4]);
      expect(await y.read()).toEqual(new Float32Array(0));
    });

    test("two devices work side by side", async () => {
      const [first, second] = [await open(), await open()];
      const sums = [first, second].map((device, index) => {
        const a = device.tensor(new Float32Array(64 * 1024).fill(index + 1), [64, 1024]);
        let sum: Tensor = a;
        for (let i = 0; i < 50; i++) sum = add({ a: sum, b: a });
        return sum.read();
      });
      const [x, y] = await Promise.all(sums);
      expect(new Set(x)).toEqual(new Set([51]));
      expect(new Set(y)).toEqual(new Set([102]));
    });
  });

  describe("slots", () => {
    test("a write comes after what was recorded before it and before what is recorded after", async () => {
      const device = await open();
      const slot = device.slot([1, 3], "f32");
      const results: Tensor[] = [];
      for (let i = 0; i < 100; i++) {
        slot.write([i, i + 1, i + 2]);
        results.push(add({ a: slot.tensor, b: slot.tensor }));
      }
      const values = await Promise.all(results.map((tensor) => tensor.read()));
      values.forEach((value, i) => expect(value).toEqual(Float32Array.of(2 * i, 2 * i + 2, 2 * i + 4)));
    });

    test("the caller may reuse the array at once", async () => {
      const device = await open();
      const slot = device.slot([1, 2], "f32");
      const host = Float32Array.of(1, 2);
      slot.write(host);
      const y = add({ a: slot.tensor, b: slot.tensor });
      host.fill(9);
      expect(await y.read()).toEqual(Float32Array.of(2, 4));
    });

    test("a large write keeps its place in the queue", async () => {
      const device = await open();
      const size = 256 * 1024;
      const slot = device.slot([1, size], "f32");
      const results: Promise<unknown>[] = [];
      for (let i = 1; i <= 4; i++) {
        slot.write(new Float32Array(size).fill(i));
        const y = add({ a: slot.tensor, b: slot.tensor });
        results.push(y.read());
        y.dispose();
      }
      const sums = (await Promise.all(results)) as Float32Array[];
      sums.forEach((values, i) => expect(new Set(values)).toEqual(new Set([2 * (i + 1)])));
    });
  });

  describe("views", () => {
    test("rows, columns and reshapes are read and used without a copy", async () => {
      const device = await open();
      const x = device.tensor(
        Array.from({ length: 12 }, (_, i) => i),
        [3, 4],
      );
      expect(await x.rows(1, 2).read()).toEqual(Float32Array.of(4, 5, 6, 7));
      expect(await x.columns(1, 3).read()).toEqual(Float32Array.of(1, 2, 5, 6, 9, 10));
      expect(await x.reshape([2, 6]).rows(1, 2).read()).toEqual(Float32Array.of(6, 7, 8, 9, 10, 11));
      const gated = add({ a: x.columns(0, 2), b: x.columns(2, 4) });
      expect(await gated.read()).toEqual(Float32Array.of(2, 4, 10, 12, 18, 20));
    });

    test("16-bit columns survive a transposition", async () => {
      const device = await open();
      const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3], "bf16");
      expect(await transpose({ x: x.columns(1, 3) }).read()).toEqual(Float32Array.of(2, 5, 3, 6));
    });
  });

  describe("dispose", () => {
    test("while ops that use the tensor are queued, its memory stays theirs", async () => {
      const device = await open();
      const results: Tensor[] = [];
      for (let i = 0; i < 300; i++) {
        const a = device.tensor([i, i], [1, 2]);
        results.push(siluMul({ gate: a, up: a }));
        a.dispose();
        // Takes the very same block, in queue order.
        device.tensor([-1, -1], [1, 2]).dispose();
      }
      for (const [i, result] of results.entries()) {
        const expected = Math.fround((i * i) / (1 + Math.exp(-i)));
        const [value] = await result.read();
        expect(Math.abs(value! - expected)).toBeLessThanOrEqual(1e-5 * expected);
      }
    });

    test("a read sees what was there when it was recorded", async () => {
      const device = await open();
      const x = device.tensor([7, 8], [1, 2]);
      const read = x.read();
      x.dispose();
      device.tensor([0, 0], [1, 2]);
      expect(await read).toEqual(Float32Array.of(7, 8));
    });

    test("use after it is an error at the call", async () => {
      const device = await open();
      const x = device.tensor([7, 8], [1, 2]);
      x.dispose();
      x.dispose();
      expect(() => add({ a: x, b: x })).toThrow(/add: a: the tensor \[1, 2\] f32 was disposed/);
    });
  });

  test("integers cross the queue exactly", async () => {
    const device = await open();
    const table = device.tensor([1, 2, 3, 4], [2, 2], "f16");
    const ids = device.tensor([1, -1, 0], [3], "i32");
    expect(await embedding({ table, ids }).read()).toEqual(Float32Array.of(3, 4, 0, 0, 1, 2));
    const words = device.tensor([2 ** 31 - 1, -(2 ** 31), 0, 1], [2, 2], "i32");
    const swapped = gatherRows({ x: words, indices: device.tensor([1, 0], [2], "i32") });
    expect(await swapped.read()).toEqual(Int32Array.of(0, 1, 2 ** 31 - 1, -(2 ** 31)));
  });
});
