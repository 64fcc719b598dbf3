import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defineOp, floats } from "./define-op.js";
import { DeviceError, isWhittleError } from "./errors.js";
import { add, embedding } from "./ops/index.js";
import { reference } from "./reference-device.js";

describe("failure", () => {
  test("reaches what is derived from a failed op, and names that op", async () => {
    const device = reference();
    const table = device.tensor([1, 2, 3, 4], [2, 2]);
    const bad = embedding({ table, ids: device.tensor([2], [1], "i32") });
    const derived = add({ a: bad, b: bad });
    const error: unknown = await derived.read().catch((reason: unknown) => reason);
    expect(isWhittleError(error, "device")).toBe(true);
    expect((error as DeviceError).message).toBe("embedding: id 2 in row 0 is outside of the table of 2 rows");
    expect(await table.read()).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  test("of an op that mutates spoils what it mutates, until that is healed or written anew", async () => {
    const device = reference();
    const fails = defineOp({
      name: "fails",
      args: { x: floats("n") },
      outputs: () => [],
      mutates: ["x"],
      reference() {
        throw new DeviceError("fails", "on purpose");
      },
    });
    const slot = device.slot([2], "f32");
    slot.write([1, 2]);
    fails({ x: slot.tensor });
    await expect(slot.tensor.read()).rejects.toThrow("fails: on purpose");
    device.heal([slot.tensor]);
    expect(await slot.tensor.read()).toEqual(Float32Array.of(1, 2));
    fails({ x: slot.tensor });
    slot.write([3, 4]);
    expect(await slot.tensor.read()).toEqual(Float32Array.of(3, 4));
  });
});

test("the budget is enforced at the call", () => {
  const device = reference({ memoryBytes: 16 });
  const x = device.tensor([1, 2], [1, 2]);
  const y = add({ a: x, b: x });
  expect(() => add({ a: x, b: y })).toThrow("add: needs 8 bytes, but only 0 of the device's budget of 16 are free");
  y.dispose();
  add({ a: x, b: x });
});

test("a closed device refuses to work", async () => {
  const device = reference();
  const x = device.tensor([1], [1, 1]);
  await device.close();
  expect(() => add({ a: x, b: x })).toThrow(expect.objectContaining({ code: "device_lost" }) as Error);
  await expect(device.sync()).rejects.toMatchObject({ code: "device_lost" });
});

test("map reads a part of a file and says when it is too short", async () => {
  const folder = await mkdtemp(join(tmpdir(), "whittle-reference-"));
  try {
    const file = join(folder, "numbers.bin");
    await writeFile(file, new Uint8Array(Float32Array.of(1, 2, 3).buffer));
    const device = reference();
    expect(await (await device.map(file, 4, "f32", [2])).read()).toEqual(Float32Array.of(2, 3));
    await expect(device.map(file, 8, "f32", [2])).rejects.toThrow(
      /numbers\.bin: ends after 12 bytes, but a tensor needs 16/,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
