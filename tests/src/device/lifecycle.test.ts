import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { add } from "@whittle/core";
import { describe, expect, test } from "vitest";
import { onEachDevice } from "./with-device.js";

const script = (name: string) => fileURLToPath(new URL(`scripts/${name}`, import.meta.url));

onEachDevice(({ name, open }) => {
  const env = { ...process.env, WHITTLE_TEST_DEVICE: name };

  /** Runs a program with the built packages to its end. */
  async function run(program: string, ...args: string[]): Promise<string> {
    const options = { env, timeout: 30_000 };
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script(program), ...args], options);
    return stdout.trim();
  }

  describe("a program", () => {
    test("that never reads exits by itself", async () => {
      expect(await run("never-reads.mjs")).toBe("recorded");
    });

    test("that reads and never closes exits by itself, after the read", async () => {
      expect(await run("reads-once.mjs")).toBe("2002,4004");
    });

    test("that forgets a device while it waits for its answer gets the answer", async () => {
      expect(await run("reads-and-forgets.mjs")).toBe("16");
    });

    test("that loses its devices gets their memory back", async () => {
      expect(await run("loses-devices.mjs")).toBe("collected");
    });
  });

  describe("close", () => {
    test("lets pending reads end, then refuses every use", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      const slot = device.slot([1, 2], "f32");
      const read = add({ a, b: a }).read();
      const closing = device.close();
      expect(device.close()).toBe(closing);
      await closing;
      expect(await read).toEqual(Float32Array.of(2, 4));
      for (const use of [
        () => add({ a, b: a }),
        () => device.tensor([1], [1]),
        () => slot.write([1, 2]),
        () => device.heal([a]),
        () => void device.read(a),
      ]) {
        expect(use).toThrow(expect.objectContaining({ code: "device_lost" }) as Error);
      }
      await expect(device.sync()).rejects.toMatchObject({ code: "device_lost" });
      await expect(a.read()).rejects.toMatchObject({ code: "device_lost" });
      expect(device.memory().reserved).toBe(0);
      a.dispose();
      slot.tensor.dispose();
    });
  });

  describe("worker threads", () => {
    test("tensors do not cross between them", async () => {
      const device = await open();
      const x = device.tensor([1], [1]);
      expect(() => structuredClone(x)).toThrow(/could not be cloned/);
      await device.close();
    });

    test("each opens a device of its own; ending one in the middle of work harms nobody", async () => {
      const device = await open();
      const a = device.tensor([1, 2], [1, 2]);
      const workers = Array.from({ length: 3 }, () => new Worker(script("busy-worker.mjs"), { env }));
      // All are listened to from the start: a message that nobody listens for is lost.
      const messages = workers.map(
        (worker) =>
          new Promise((resolve, reject) => {
            worker.once("message", resolve);
            worker.once("error", reject);
          }),
      );
      for (const message of await Promise.all(messages)) expect(message).toEqual(Float32Array.of(2, 4));
      // They go on recording: terminate finds the queue full.
      await Promise.all(workers.map((worker) => worker.terminate()));
      expect(await add({ a, b: a }).read()).toEqual(Float32Array.of(2, 4));
      await device.close();
    });

    // `npm run check:deep` ends a thousand.
    const many = name === "cpu" ? 100 : 10;
    test(`${many} ended in the middle of their work or of their start leave neither a crash nor their memory`, async () => {
      const { working, sum, growthMiB } = JSON.parse(await run("terminates.mjs", String(many))) as Record<
        string,
        unknown
      >;
      expect({ working, sum }).toEqual({ working: many * 0.8, sum: [2, 4] });
      // Each had 4 MiB and more at work.
      expect(growthMiB).toBeLessThan(150);
    });

    test("the addon outlives the thread that loaded it first", async () => {
      expect(await run("worker-only.mjs")).toBe("2,4");
    });
  });
});
