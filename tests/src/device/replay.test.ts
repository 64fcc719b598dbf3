import { fileURLToPath } from "node:url";
import { add, embedding, type Tensor } from "@whittle/core";
import { replayCounts } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { expect, test } from "vitest";
import { greedy } from "../models/greedy.js";
import { onEachDevice } from "./with-device.js";

const llama = fileURLToPath(new URL("../../fixtures/goldens/llama-gqa", import.meta.url));

onEachDevice(({ name, open }) => {
  test("a step that is recorded again and again gives what it gave, with other inputs", async () => {
    const device = await open();
    const table = device.tensor([1, 2, 3, 4, 5, 6], [3, 2]);
    const ids = device.slot([2], "i32");
    const values: (readonly number[])[] = [];
    for (let step = 0; step < 12; step++) {
      ids.write([step % 3, (step + 1) % 3]);
      const sum = device.scope(() => {
        let x: Tensor = embedding({ table, ids: ids.tensor });
        for (let i = 0; i < 5; i++) x = add({ a: x, b: x });
        return x;
      });
      values.push([...((await sum.read()) as Float32Array)]);
      sum.dispose();
    }
    const rows = [
      [32, 64],
      [96, 128],
      [160, 192],
    ];
    values.forEach((value, step) => expect(value).toEqual([...rows[step % 3]!, ...rows[(step + 1) % 3]!]));
  });

  test("an id outside of the table is found in a step that ran well before, and only there", async () => {
    const device = await open();
    const table = device.tensor([1, 2, 3, 4, 5, 6], [3, 2]);
    const ids = device.slot([2], "i32");
    const outcomes: string[] = [];
    for (const id of [0, 1, 2, 7, 1, 2, -9, 8, 0, 1]) {
      ids.write([id, 0]);
      const sum = device.scope(() => {
        const x = embedding({ table, ids: ids.tensor });
        const y = add({ a: x, b: x });
        return add({ a: y, b: x });
      });
      outcomes.push(
        await sum.read().then(
          ([first]) => String(first),
          (error: Error) => error.message,
        ),
      );
      sum.dispose();
    }
    const outside = (id: number) => `embedding: id ${id} in row 0 is outside of the table of 3 rows`;
    expect(outcomes).toEqual(["3", "9", "15", outside(7), "9", "15", "0", outside(8), "3", "9"]);
  });

  if (name === "cpu") return;

  test("nearly all steps of a decode loop are graphs", async () => {
    const device = await open();
    const { model } = await loadModel(llama, { device });
    const cache = floatCache({ blockSize: 16 });
    const steps = 24;
    const job = { prompt: [1, 5, 9], tokens: steps };
    const first = await greedy(model, device, [job], { cache });
    const warm = replayCounts(device);
    expect(await greedy(model, device, [job], { cache })).toEqual(first);
    const { eager, captured, replayed } = replayCounts(device);
    expect(replayed - warm.replayed).toBeGreaterThanOrEqual(steps - 3);
    expect(eager - warm.eager).toBeLessThanOrEqual(3);
    expect(captured).toBeLessThanOrEqual(6);
  });
});
