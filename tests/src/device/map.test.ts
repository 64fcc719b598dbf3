import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { add, defineOp, floats, type Device } from "@whittle/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

onEachDevice(({ name, open }) => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whittle-map-"));
    file = join(folder, "numbers.bin");
    await writeFile(file, new Uint8Array(Float32Array.from({ length: 1024 }, (_, i) => i).buffer));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const map = (device: Device, offset: number, shape: number[]) => device.map(file, offset, "f32", shape);

  test("a file that is too short, absent or a bad offset is a clear error", async () => {
    const device = await open();
    await expect(map(device, 4096, [1])).rejects.toThrow(
      /numbers\.bin: ends after 4096 bytes, but a tensor needs 4100/,
    );
    await expect(map(device, 1, [1024])).rejects.toThrow(/numbers\.bin: ends after 4096 bytes/);
    await expect(map(device, -4, [1])).rejects.toThrow(/byteOffset/);
    await expect(device.map(join(folder, "absent.bin"), 0, "f32", [1])).rejects.toMatchObject({ code: "checkpoint" });
    expect(device.memory()).toMatchObject({ mapped: 0, live: 0 });
  });

  if (name === "cpu") {
    test("tensors over one file share one mapping, which goes with the last of them", async () => {
      const device = await open();
      const [a, b] = await Promise.all([map(device, 0, [2, 2]), map(device, 4096 - 16, [2, 2])]);
      expect(device.memory()).toMatchObject({ mapped: 4096, live: 0 });
      const y = add({ a, b });
      const view = b.rows(1, 2);
      a.dispose();
      b.dispose();
      expect(device.memory().mapped).toBe(4096);
      expect(await view.read()).toEqual(Float32Array.of(1022, 1023));
      view.dispose();
      expect(device.memory().mapped).toBe(0);
      // Recorded before the mapping went.
      expect(await y.read()).toEqual(Float32Array.of(1020, 1022, 1024, 1026));
      const again = await map(device, 8, [1]);
      expect(await again.read()).toEqual(Float32Array.of(2));
    });

    test("offsets that do not fit the dtype are copied", async () => {
      const device = await open();
      const odd = join(folder, "odd.bin");
      const bytes = new Uint8Array(9);
      new DataView(bytes.buffer).setFloat32(1, 1.5, true);
      new DataView(bytes.buffer).setFloat32(5, 2.5, true);
      await writeFile(odd, bytes);
      const x = await device.map(odd, 1, "f32", [2]);
      expect(await x.read()).toEqual(Float32Array.of(1.5, 2.5));
      expect(device.memory()).toMatchObject({ mapped: 0, live: 8 });
    });

    test("a mapped tensor is never written to", async () => {
      const device = await open();
      const x = await map(device, 0, [2, 2]);
      const increment = defineOp({
        name: "add",
        args: { a: floats("rows", "columns"), b: floats("rows", "columns") },
        outputs: ({ a }) => [a],
        mutates: ["b"],
        reference() {},
      });
      expect(() => increment({ a: x, b: x })).toThrow(/add: b is mapped from a file and cannot be written to/);
      expect(device.memory().live).toBe(0);
    });
  } else {
    test("bytes at any offset are loaded into memory of the device, in queue order", async () => {
      const device = await open();
      const large = join(folder, "large.bin");
      const bytes = Uint8Array.from({ length: 9 * 2 ** 20 + 5 }, (_, i) => (i * 7 + (i >>> 9)) & 255);
      await writeFile(large, bytes);
      const shape = [9, 2 ** 20];
      const whole = await device.map(large, 5, "u8", shape);
      const [a, b] = await Promise.all([map(device, 0, [2, 2]), map(device, 4096 - 16, [2, 2])]);
      expect(await add({ a, b }).read()).toEqual(Float32Array.of(1020, 1022, 1024, 1026));
      expect(Buffer.compare(await whole.readBytes(), bytes.subarray(5))).toBe(0);
      expect(device.memory()).toMatchObject({ mapped: 0, live: 9 * 2 ** 20 + 3 * 16 });
      const rows = whole.rows(3, 5).columns(7, 1007);
      const expected = [3, 4].flatMap((row) => [...bytes.subarray(5 + row * 2 ** 20 + 7, 5 + row * 2 ** 20 + 1007)]);
      expect([...(await rows.readBytes())]).toEqual(expected);
    });

    test("what cannot be read spoils that tensor alone, until it is written to", async () => {
      const device = await open();
      const bad = await device.map(folder, 0, "f32", [1]);
      const good = await map(device, 8, [1]);
      const sum = add({ a: bad.reshape([1, 1]), b: good.reshape([1, 1]) });
      for (const tensor of [bad, sum])
        await expect(tensor.read()).rejects.toThrow(/^map: .*whittle-map-.* cannot be read \(.*\)$/);
      expect(await good.read()).toEqual(Float32Array.of(2));
      device.heal([bad]);
      expect((await bad.read()).length).toBe(1);
    });
  }
});
