import { readdirSync, readFileSync } from "node:fs";
import { add, linear, type Device, type Tensor } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { describe, expect, test } from "vitest";

/** Threads of this process; undefined where the system does not tell. */
const threadsNow = (): number | undefined => {
  try {
    return readdirSync("/proc/self/task").length;
  } catch {
    return undefined;
  }
};

describe.skipIf(threadsNow() === undefined)("threads of a process with several devices", () => {
  test("are one for each device, and those of one pool for all", async () => {
    const before = threadsNow()!;
    const devices = await Promise.all([3, 3, 2, 3].map((threads) => cpu({ threads })));
    // A device's queue is the first of its threads; the pool has the two others of the largest, unless an earlier device left them.
    expect(threadsNow()! - before).toBeLessThanOrEqual(4 + 2);
    expect(threadsNow()! - before).toBeGreaterThanOrEqual(4);
    for (const device of devices) await device.close();
    const more = await Promise.all([3, 3].map((threads) => cpu({ threads })));
    expect(threadsNow()! - before).toBeLessThanOrEqual(2 + 2);
    for (const device of more) await device.close();
  });

  test("give the same results while all work at once as alone", async () => {
    const rows = Float32Array.from({ length: 64 * 96 }, (_, i) => Math.sin(i));
    const weights = Float32Array.from({ length: 80 * 96 }, (_, i) => Math.cos(3 * i));
    const work = async (device: Device): Promise<unknown> => {
      const [x, weight] = [device.tensor(rows, [64, 96]), device.tensor(weights, [80, 96])];
      let sum: Tensor = linear({ x, weight });
      for (let i = 0; i < 40; i++) sum = add({ a: sum, b: linear({ x, weight }) });
      return sum.read();
    };
    const alone = await cpu({ threads: 1 });
    const expected = await work(alone);
    await alone.close();
    const devices = await Promise.all([1, 2, 3, 4].map((threads) => cpu({ threads })));
    for (const result of await Promise.all(devices.map(work))) expect(result).toEqual(expected);
    for (const device of devices) await device.close();
  });

  test("sleep while there is nothing to do", async () => {
    const device = await cpu();
    const x = device.tensor(new Float32Array(1024 * 256), [1024, 256]);
    await add({ a: x, b: x }).read();
    /** Whether the system sees each other thread of this process asleep. */
    const asleep = () =>
      readdirSync("/proc/self/task")
        .filter((task) => task !== String(process.pid))
        .every((task) => readFileSync(`/proc/self/task/${task}/stat`, "latin1").split(") ")[1]!.startsWith("S"));
    await expect.poll(asleep, { timeout: 10_000, interval: 20 }).toBe(true);
    await device.close();
  });
});
