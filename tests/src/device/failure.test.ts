import { add, embedding, isWhittleError, type DeviceError, type Tensor } from "@whittle/core";
import { failCall } from "@whittle/kernels";
import { describe, expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

onEachDevice(({ open }) => {
  async function failureOf(tensor: Tensor): Promise<DeviceError> {
    const error: unknown = await tensor.read().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isWhittleError(error, "device")).toBe(true);
    return error as DeviceError;
  }

  describe("a failed op", () => {
    test("rejects its outputs and all derived from them with the first op's name and reason", async () => {
      const device = await open();
      const table = device.tensor([1, 2, 3, 4], [2, 2]);
      const bad = embedding({ table, ids: device.tensor([0, 5], [2], "i32") });
      const derived = add({ a: bad, b: bad });
      const further = add({ a: derived, b: table });
      for (const tensor of [bad, derived, further, bad.rows(1, 2)]) {
        const error = await failureOf(tensor);
        expect(error.op).toBe("embedding");
        expect(error.message).toMatch(/^embedding: .*5/);
      }
      expect(await add({ a: table, b: table }).read()).toEqual(Float32Array.of(2, 4, 6, 8));
    });

    test("its memory is good again for whoever gets it next", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      for (let i = 0; i < 4; i++) {
        failCall(device, { op: "add" });
        const bad = add({ a, b: a });
        const error = failureOf(bad);
        bad.dispose();
        expect((await error).op).toBe("add");
      }
      expect(await add({ a, b: a }).read()).toEqual(Float32Array.of(2, 4));
      expect(await device.tensor([5, 6], [1, 2]).read()).toEqual(Float32Array.of(5, 6));
      expect((await device.empty([1, 2], "f32").read()).length).toBe(2);
    });

    test("a write makes the written part good, heal all of it", async () => {
      const device = await open();
      const a = device.tensor([1, 2, 3, 4], [2, 2]);
      failCall(device, { op: "add" });
      const bad = add({ a, b: a });
      await failureOf(bad);
      await failureOf(bad.columns(0, 1));
      device.heal([bad.columns(0, 1)]);
      expect((await bad.columns(0, 1).read()).length).toBe(2);
      await failureOf(bad.columns(1, 2));
      await failureOf(bad);
      device.heal([bad]);
      expect((await bad.read()).length).toBe(4);
    });

    test("a slot that fed it is untouched", async () => {
      const device = await open();
      const slot = device.slot([1, 2], "f32");
      slot.write([1, 2]);
      failCall(device, { op: "add" });
      await failureOf(add({ a: slot.tensor, b: slot.tensor }));
      expect(await add({ a: slot.tensor, b: slot.tensor }).read()).toEqual(Float32Array.of(2, 4));
    });

    test("sync does not reject", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      failCall(device, { op: "add" });
      add({ a, b: a });
      await device.sync();
    });
  });

  test("failCall lets calls pass before it strikes, once, in queue order", async () => {
    const device = await open();
    const a = device.tensor([1, 2], [1, 2]);
    const before = add({ a, b: a });
    failCall(device, { op: "add", skip: 2 });
    const results = Array.from({ length: 5 }, () => add({ a, b: a }));
    const outcomes = await Promise.allSettled([before, ...results].map((tensor) => tensor.read()));
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(() => failCall(device, { op: "noSuchOp" })).toThrow(`noSuchOp: the device "${device.name}" has no kernel`);
  });
});
