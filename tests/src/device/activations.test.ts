import { activationDTypes, add, embedding, type Tensor } from "@whittle/core";
import { expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

onEachDevice(({ name, open }) => {
  test("has the activations that it says, and refuses others at the call", async () => {
    const device = await open({ memoryBytes: 2 ** 20 });
    expect(device.activationDTypes).toEqual(name === "cpu" ? ["f32"] : activationDTypes);
    expect(device.preferredActivations).toBe(name === "cpu" ? "f32" : "stored");
    const [table, ids] = [device.tensor([1, 2, 3, 4], [2, 2]), device.tensor([1], [1], "i32")];
    for (const dtype of activationDTypes) {
      const a = device.tensor([1.5, -2], [1, 2], dtype);
      const calls: (() => Tensor)[] = [() => add({ a, b: a }), () => embedding({ table, ids, as: dtype })];
      for (const [i, call] of calls.entries()) {
        if (device.activationDTypes.includes(dtype)) {
          expect(call().dtype).toBe(dtype);
          expect([...(await call().read())]).toEqual(
            [
              [3, -4],
              [3, 4],
            ][i],
          );
        } else {
          expect(call).toThrow(
            new RegExp(`^(add|embedding): the device "cpu" has no kernel .* with ${dtype} activations$`),
          );
        }
      }
    }
  });
});
