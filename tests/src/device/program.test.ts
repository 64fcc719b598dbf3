import { add, embedding, type Program, type Tensor } from "@whittle/core";
import { cpu, failCall, kernelTimes, replayCounts } from "@whittle/kernels";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gpus, onEachDevice } from "./with-device.js";

type Cpu = Awaited<ReturnType<typeof cpu>>;

describe("cpu", () => {
  let device: Cpu;
  beforeEach(async () => void (device = await cpu()));
  afterEach(() => device.close());

  /** `((table[ids] · 2) + y) · 2` of two rows, as a program. */
  function doubled(): { program: Program; table: Tensor; ids: Tensor; y: Tensor } {
    const table = device.tensor([1, 2, 3, 4, 5, 6], [3, 2]);
    const [ids, y] = [device.tensor([0, 1], [2], "i32"), device.tensor([1, 1, 1, 1], [2, 2])];
    const program = device.program([ids, y], () => {
      const x = embedding({ table, ids });
      const sum = add({ a: add({ a: x, b: x }), b: y });
      return [add({ a: sum, b: sum })];
    })!;
    return { program, table, ids, y };
  }

  test("a program gives what recording gives, with other inputs each time, views among them", async () => {
    const { program, y } = doubled();
    const many = device.tensor([9, 0, 2, 1, 1, 9], [6], "i32");
    const wide = device.tensor([9, 9, 10, 20, 30, 40], [3, 2]);
    const reads = [];
    for (let step = 0; step < 20; step++) {
      const [out] = program.run(step % 2 ? [many.rows(1, 3), y] : [many.rows(3, 5), wide.rows(1, 3)]);
      reads.push(out!.read());
      out!.dispose();
      // Whoever takes memory now gets none of the program's.
      device.tensor(new Float32Array(64).fill(-1), [8, 8]).dispose();
    }
    for (const [step, read] of reads.entries())
      expect([...(await read)]).toEqual(step % 2 ? [6, 10, 22, 26] : [32, 56, 72, 96]);
    expect(replayCounts(device)).toMatchObject({ captured: 1, replayed: 20 });
  });

  test("its output may be an input of its next run", async () => {
    const one = device.tensor([1, 2], [1, 2]);
    const program = device.program([one], () => [add({ a: add({ a: one, b: one }), b: one })])!;
    let x = one;
    for (let step = 0; step < 10; step++) {
      const [next] = program.run([x]);
      x.dispose();
      x = next!;
    }
    expect(await x.read()).toEqual(Float32Array.of(3 ** 10, 2 * 3 ** 10));
  });

  test("its memory is counted while it lives", async () => {
    const before = device.memory().live;
    const { program, table, ids, y } = doubled();
    for (const tensor of [ids, y]) expect(tensor.disposed).toBe(false);
    expect(program.bytes).toBeGreaterThan(0);
    const inputs = 24 + 8 + 16;
    expect(device.memory().live).toBe(before + inputs + program.bytes);
    const [out] = program.run([ids, y]);
    expect(device.memory().live).toBe(before + inputs + program.bytes + 16);
    program.dispose();
    program.dispose();
    expect(await out!.read()).toEqual(Float32Array.of(6, 10, 14, 18));
    for (const tensor of [out!, table, ids, y]) tensor.dispose();
    expect(device.memory().live).toBe(before);
    expect(() => program.run([ids, y])).toThrow(/program was disposed/);
  });

  test("a failure in a run rejects what is derived from it, and no later run", async () => {
    const { program, y } = doubled();
    const outcomes: string[] = [];
    for (const id of [0, 7, 1]) {
      const [out] = program.run([device.tensor([id, 0], [2], "i32"), y]);
      const derived = add({ a: out!, b: out! });
      for (const tensor of [out!, derived])
        outcomes.push(
          await tensor.read().then(
            ([first]) => String(first),
            (error: Error) => error.message,
          ),
        );
      out!.dispose();
    }
    const outside = "embedding: id 7 in row 0 is outside of the table of 3 rows";
    expect(outcomes).toEqual(["6", "12", outside, outside, "14", "28"]);
    failCall(device, { op: "add", skip: 4 });
    const runs = [0, 1, 2].map((id) => program.run([device.tensor([id, 0], [2], "i32"), y])[0]!);
    const settled = await Promise.allSettled(runs.map((run) => run.read()));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("what does not fit is refused, and so is what was disposed", () => {
    const { program, table, ids, y } = doubled();
    expect(program.fits([ids, y])).toBe(true);
    expect(program.fits([ids, y.columns(0, 2)])).toBe(true);
    expect(program.fits([ids, device.zeros([2, 4]).columns(0, 2)])).toBe(false);
    expect(() => program.run([ids])).toThrow(/must be \[2\] i32, \[2, 2\] f32, as they were, but are \[2\] i32$/);
    expect(() => program.run([ids.rows(0, 1), y])).toThrow(/but are \[1\] i32, /);
    y.dispose();
    expect(() => program.run([ids, y])).toThrow(/disposed/);
    table.dispose();
    expect(() => program.run([ids, device.zeros([2, 2])])).toThrow(/a tensor that its ops use was disposed/);
  });

  test("a function that does more than record ops is refused, and leaves nothing behind", async () => {
    const x = device.tensor([1, 2], [1, 2]);
    const before = device.memory().live;
    const program = (fn: () => Tensor) => () => device.program([x], () => [fn()]);
    const sum = () => add({ a: x, b: x });
    expect(program(() => device.tensor([1], [1, 1]))).toThrow(/cannot be part of a program/);
    expect(
      program(() => {
        void sum().readBytes();
        return sum();
      }),
    ).toThrow(/a read cannot be part of a program/);
    expect(program(() => x)).toThrow(/an output must be a tensor of its own, but \[1, 2\] f32 is not/);
    expect(program(() => sum().columns(0, 1))).toThrow(/an output must be a tensor of its own/);
    expect(program(() => add({ a: x, b: device.program([x], () => [sum()])!.run([x])[0]! }))).toThrow(
      /another program cannot be part of a program/,
    );
    expect(device.memory().live).toBe(before);
    expect(await sum().read()).toEqual(Float32Array.of(2, 4));
  });

  test("out of memory leaves nothing behind", async () => {
    const small = await cpu({ memoryBytes: 2 ** 22 });
    const x = small.zeros([1, 2 ** 18]);
    const before = small.memory().live;
    const sums = () => [1, 2, 3, 4].reduce((sum: Tensor) => add({ a: sum, b: x }), x);
    expect(() => small.program([x], () => [sums()])).toThrow(/add: needs 1048576 bytes/);
    expect(small.memory().live).toBe(before);
    const program = small.program([x], () => [add({ a: x, b: x })])!;
    program.dispose();
    await small.sync();
    await small.close();
  });

  test("kernel times grow with what runs", async () => {
    kernelTimes(device);
    const { program, ids, y } = doubled();
    const before = kernelTimes(device);
    program.run([ids, y]);
    await device.sync();
    const after = kernelTimes(device);
    expect(after.calls - before.calls).toBe(4);
    expect(after.nanoseconds).toBeGreaterThan(before.nanoseconds);
  });
});

onEachDevice(({ open }) => {
  test("a GPU finds out for itself what comes again", async () => {
    const device = await open();
    const x = device.tensor([1, 2], [1, 2]);
    expect(device.program([x], () => [add({ a: x, b: x })])).toBeUndefined();
  });
}, gpus);
