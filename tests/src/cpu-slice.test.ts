import { add } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { expect, test } from "vitest";

test("add runs end to end on the native device", async () => {
  const device = await cpu();
  const y = add({ a: device.tensor([1, 2], [1, 2]), b: device.tensor([3, 4], [1, 2]) });
  expect(await y.read()).toEqual(Float32Array.of(4, 6));
  await device.close();
});
