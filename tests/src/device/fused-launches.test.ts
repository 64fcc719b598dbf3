import { add, type Device, type DType, ropePair } from "@whittle/core";
import { replayCounts } from "@whittle/kernels";
import { appendKvPaged } from "@whittle/kvcache";
import { describe, expect, test } from "vitest";
import { Random } from "../conformance/index.js";
import { gpus, onEachDevice } from "./with-device.js";

interface Layout {
  readonly dtype: DType;
  readonly pool: DType;
  readonly headDim: number;
  readonly valueWidth: number;
  readonly interleaved: boolean;
}

const rows = 5;
const heads = 6;
const kvHeads = 2;
const slotCount = 16;

/** A step's rotation and appending to a cache. */
function stepOn(device: Device, { dtype, pool, headDim, valueWidth, interleaved }: Layout) {
  const random = new Random(7);
  const normal = (width: number) =>
    device.tensor(
      Float32Array.from({ length: rows * width }, () => random.normal()),
      [rows, width],
      dtype,
    );
  const poolOf = (width: number) => device.tensor(new Float32Array(slotCount * width), [slotCount, width], pool);
  const [q, k, v] = [normal(heads * headDim), normal(kvHeads * headDim), normal(valueWidth)];
  const [keys, values] = [poolOf(kvHeads * headDim), poolOf(valueWidth)];
  const table = device.tensor(
    Float32Array.from({ length: rows * headDim }, () => random.normal()),
    [rows, headDim],
  );
  const slot = device.slot([rows], "i32");

  /** Gives the bytes of all that was written. `apart`: with a read between the two, so that no program has both. */
  return async (slots: readonly number[], apart: boolean): Promise<Uint8Array[]> => {
    slot.write(slots);
    let between: Promise<unknown> | undefined;
    const written = device.scope(() => {
      const [rotatedQ, rotatedK] = ropePair({ q, k, table, interleaved });
      if (apart) between = rotatedK.read();
      appendKvPaged({ k: rotatedK, v, keys, values, slots: slot.tensor });
      return { rotatedQ, rotatedK, doubled: add({ a: rotatedK, b: rotatedK }) };
    });
    await between;
    const tensors = [...Object.values(written), keys, values];
    const bytes = await Promise.all(tensors.map((tensor) => tensor.readBytes()));
    for (const tensor of Object.values(written)) tensor.dispose();
    return bytes;
  };
}

/** A program of the GPU may do two ops by one launch: to the bit, and with the faults, of one after the other. */
onEachDevice(({ open }) => {
  describe("rotated keys that go into the cache", () => {
    test.each<Layout>([
      { dtype: "bf16", pool: "bf16", headDim: 64, valueWidth: 128, interleaved: false },
      { dtype: "f16", pool: "f32", headDim: 32, valueWidth: 8, interleaved: true },
      { dtype: "f32", pool: "bf16", headDim: 16, valueWidth: 2400, interleaved: false },
      { dtype: "bf16", pool: "f16", headDim: 22, valueWidth: 5, interleaved: true },
      { dtype: "f32", pool: "f32", headDim: 6, valueWidth: 12, interleaved: false },
    ])("%o", async (layout) => {
      const device = await open();
      const [together, apart] = [stepOn(device, layout), stepOn(device, layout)];
      const before = replayCounts(device).replayed;
      for (let step = 0; step < 6; step++) {
        const slots = [3, 0, -1, 7, 12].map((slot) => (slot < 0 ? slot : (slot + step) % slotCount));
        expect(await together(slots, false)).toEqual(await apart(slots, true));
      }
      expect(replayCounts(device).replayed).toBeGreaterThan(before);
    });

    test("one that goes outside of it", async () => {
      const device = await open();
      const step = stepOn(device, { dtype: "bf16", pool: "bf16", headDim: 64, valueWidth: 128, interleaved: false });
      const inside = [0, 1, 2, 3, 4];
      for (let i = 0; i < 4; i++) await step(inside, false);
      await expect(step([0, 1, slotCount + 2, 3, 4], false)).rejects.toThrow(
        `row 2 goes to slot ${slotCount + 2} of ${slotCount}`,
      );
    });
  });
}, gpus);
