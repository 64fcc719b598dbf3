import { add, isWhittleError, type Tensor } from "@whittle/core";
import { cpu, cuda } from "@whittle/kernels";
import { describe, expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

onEachDevice(({ open }) => {
  const mebi = 2 ** 20;

  describe("live bytes", () => {
    test("return to where they were after a scope, whatever was made in it", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      const before = device.memory().live;
      const kept = device.scope(() => {
        let x: Tensor = a;
        for (let i = 0; i < 500; i++) x = add({ a: x, b: a }).reshape([1, 2]);
        return x;
      });
      expect(await kept.read()).toEqual(Float32Array.of(501, 1002));
      expect(device.memory().live).toBe(before + 8);
      kept.dispose();
      expect(device.memory().live).toBe(before);
      expect(device.memory().peak).toBe(before + 500 * 8);
    });

    test("stay where they were when a scope throws or an op is refused", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      const before = device.memory().live;
      expect(() =>
        device.scope(() => {
          add({ a, b: a });
          throw new Error("no");
        }),
      ).toThrow("no");
      expect(() => device.scope(() => Promise.resolve(add({ a, b: a })))).toThrow(/scope/);
      expect(() => add({ a, b: device.tensor([1], [1, 1]) })).toThrow(/"columns" is 2 in a, but 1 in b/);
      expect(device.memory().live).toBe(before + 4);
    });

    test("a view keeps its storage alive, and only it", async () => {
      const device = await open();
      const before = device.memory().live;
      const x = device.tensor(new Float32Array(100), [10, 10]);
      const row = x.rows(3, 4);
      x.dispose();
      expect(device.memory().live).toBe(before + 400);
      expect(await row.read()).toEqual(new Float32Array(10));
      row.dispose();
      expect(device.memory().live).toBe(before);
    });

    test("a steady step needs no more memory than its first", async () => {
      const device = await open();
      const a = device.tensor(new Float32Array(mebi / 2), [1, mebi / 2]);
      const step = () =>
        device.scope(() => {
          let x: Tensor = a;
          for (let i = 0; i < 8; i++) x = add({ a: x, b: a });
        });
      step();
      const { reserved } = device.memory();
      for (let i = 0; i < 20; i++) step();
      expect(device.memory().reserved).toBe(reserved);
      await device.sync();
    });
  });

  describe("the budget", () => {
    test("is enforced at the call, naming op and bytes; what was made before stays usable", async () => {
      const device = await open({ memoryBytes: 8 * mebi });
      const a = device.tensor(new Float32Array(mebi / 2).fill(1), [2, mebi / 4]);
      const b = add({ a, b: a });
      const before = device.memory();
      let thrown: unknown;
      try {
        device.scope(() => {
          for (let i = 0; i < 8; i++) add({ a, b });
        });
      } catch (error) {
        thrown = error;
      }
      expect(isWhittleError(thrown, "out_of_memory")).toBe(true);
      expect((thrown as Error).message).toMatch(
        /^add: needs 2097152 bytes, but only \d+ of the device's budget of 8388608 are free$/,
      );
      expect(device.memory().live).toBe(before.live);
      expect(device.memory().reserved).toBeLessThanOrEqual(8 * mebi);
      expect(new Set(await add({ a, b }).read())).toEqual(new Set([3]));
    });

    test("is shared by small and large tensors: caches of one size make room for another", async () => {
      const device = await open({ memoryBytes: 16 * mebi });
      for (const columns of [16, 1000, 20_000, 300_000, 900_000, 50, 3_000_000, 20_000]) {
        const tensors: Tensor[] = [];
        const size = columns * 4;
        for (let bytes = 0; bytes + size <= 12 * mebi && tensors.length < 2000; bytes += size * 1.3) {
          tensors.push(device.tensor(new Float32Array(columns).fill(columns), [1, columns]));
        }
        expect(device.memory().reserved).toBeLessThanOrEqual(16 * mebi);
        expect((await tensors.at(-1)!.read())[0]).toBe(columns);
        for (const tensor of tensors) tensor.dispose();
      }
      expect(device.memory().live).toBe(0);
    });

    test("no bytes at all still gives a device", async () => {
      const device = await open({ memoryBytes: 0 });
      expect(() => device.tensor([1], [1])).toThrow(/out of memory|needs 4 bytes/);
    });
  });

  test("zeros are zeros, also where something else was before", async () => {
    const device = await open();
    for (const size of [3, 1000, mebi]) {
      for (let round = 0; round < 3; round++) {
        const x = device.zeros([size]);
        expect((await x.read()).every((value) => value === 0)).toBe(true);
        x.dispose();
        device.tensor(new Float32Array(size).fill(7), [size]).dispose();
      }
    }
  });
});

test("options that do not fit are refused by name", async () => {
  await expect(cpu({ threads: 0 })).rejects.toThrow(/cpu: threads must be a whole number from 1/);
  await expect(cpu({ memoryBytes: -1 })).rejects.toThrow(/cpu: memoryBytes/);
  await expect(cpu({ isa: "avx9" })).rejects.toThrow(
    /cpu: the instruction set "avx9" does not run here; these do: baseline/,
  );
  await expect(cuda({ device: 0.5 })).rejects.toThrow(/cuda: device must be a whole number >= 0, but is 0.5/);
  await expect(cuda({ memoryBytes: -1 })).rejects.toThrow(/cuda: memoryBytes/);
});
