import { attention, embedding, isWhittleError, reference, type SequenceId, type Tensor } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { floatCache } from "./float-cache.js";
import { range, setUp, slotBytes } from "./test-cache.js";
import { attendRows, batchOf, expectedRow, testShape } from "./test-rows.js";

function expectRow(row: number[] | undefined, token: number, seen: number[], digits = 5) {
  expectedRow(token, seen).forEach((value, i) => expect(row![i]).toBeCloseTo(value, digits));
}

describe("what rows see", () => {
  it.each(["f32", "bf16", "f16"] as const)("is kept in %s, if that is what they are computed in", async (dtype) => {
    const device = reference();
    const cache = floatCache({ blockSize: 4 })([{ ...testShape, dtype }], device, 8 * slotBytes);
    const make = (columns: number, phase: number) =>
      device.tensor(
        Float32Array.from({ length: 6 * columns }, (_, i) => Math.sin(i + phase)),
        [6, columns],
        dtype,
      );
    const [q, k, v] = [make(8, 1), make(4, 2), make(4, 3)];
    const { sequence } = cache.open();
    const paged = cache.prepare(batchOf(device, [{ sequence, tokens: range(0, 6) }])).attend(0, q, k, v);
    const ranges = device.tensor(
      range(0, 6).flatMap((row) => [0, row + 1]),
      [6, 2],
      "i32",
    );
    const whole = attention({ q, k, v, ranges, heads: 4, kvHeads: 2, scale: 1 / Math.sqrt(2) });
    expect(paged.dtype).toBe(dtype);
    expect(await paged.read()).toEqual(await whole.read());
    expect(cache.capacity().total).toBe(dtype === "f32" ? 2 : 4);
  });

  it("equals core's attention over the same rows", async () => {
    const { device, cache } = setUp();
    const { sequence } = cache.open();
    const tokens = range(0, 11);
    const make = (columns: number, phase: number) =>
      device.tensor(
        Float32Array.from({ length: 11 * columns }, (_, i) => Math.sin(i + phase)),
        [11, columns],
      );
    const [q, k, v] = [make(8, 1), make(4, 2), make(4, 3)];
    const paged = cache.prepare(batchOf(device, [{ sequence, tokens }])).attend(0, q, k, v);
    const ranges = device.tensor(
      tokens.flatMap((row) => [0, row + 1]),
      [11, 2],
      "i32",
    );
    const whole = attention({ q, k, v, ranges, heads: 4, kvHeads: 2, scale: 1 / Math.sqrt(2) });
    expect(await paged.read()).toEqual(await whole.read());
  });

  it("is the same in chunks, beside other sequences and among padding rows", async () => {
    const { cache, append } = setUp();
    const [a, b] = [cache.open().sequence, cache.open().sequence];
    await append({ sequence: a, tokens: range(0, 3) }, { sequence: b, tokens: range(50, 57) });
    await append({ sequence: -1, tokens: [7, 8] }, { sequence: a, tokens: range(3, 9) });
    const rows = await append(
      { sequence: b, tokens: [57] },
      { sequence: -1, tokens: [1] },
      { sequence: a, tokens: [9, 10] },
    );
    expectRow(rows[0], 57, range(50, 58));
    expect(new Set(rows[1])).toEqual(new Set([0]));
    expectRow(rows[2], 9, range(0, 10));
    expectRow(rows[3], 10, range(0, 11));
    expect([cache.length(a), cache.length(b)]).toEqual([11, 8]);
  });

  it("covers several runs of one sequence in one step", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    const rows = await append(
      { sequence, tokens: [1, 2] },
      { sequence: -1, tokens: [9] },
      { sequence, tokens: [3, 4, 5] },
    );
    expectRow(rows[3], 3, [1, 2, 3]);
    expectRow(rows[5], 5, [1, 2, 3, 4, 5]);
  });

  it.each([
    ["f16", 3],
    ["bf16", 2],
  ] as const)("is rounded to %s on demand", async (dtype, digits) => {
    const { cache, append } = setUp({ dtype });
    const { sequence } = cache.open();
    const rows = await append({ sequence, tokens: range(0, 6) });
    expectRow(rows[5], 5, range(0, 6), digits);
    expect(rows[5]).not.toEqual(expectedRow(5, range(0, 6)).map(Math.fround));
  });
});

describe("held rows", () => {
  it("see their ancestors, and the accepted ones close up", async () => {
    const { cache, run, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: [0, 1, 2] });
    //      10 (the plain row)
    //     /  \
    //   20    21
    //   |     |
    //   22    23
    const tree = [[0], [1], [0, 2], [1, 3]];
    const { step, rows } = await run(
      { sequence, tokens: [10] },
      { sequence, tokens: [20, 21, 22, 23], held: true, tree, earlier: 1 },
    );
    expectRow(rows[0], 10, [0, 1, 2, 10]);
    expectRow(rows[1], 20, [0, 1, 2, 10, 20]);
    expectRow(rows[3], 22, [0, 1, 2, 10, 20, 22]);
    expectRow(rows[4], 23, [0, 1, 2, 10, 21, 23]);
    step.commit(new Map([[sequence, Int32Array.of(1, 3)]]));
    expect(cache.length(sequence)).toBe(6);
    expectRow((await append({ sequence, tokens: [30] }))[0], 30, [0, 1, 2, 10, 21, 23, 30]);
  });

  it("are causal without a mask, and dropped unless accepted", async () => {
    const { cache, run, append } = setUp();
    const { sequence } = cache.open();
    const { step, rows } = await run({ sequence, tokens: [1, 2] }, { sequence, tokens: [3, 4, 5, 6], held: true });
    expectRow(rows[5], 6, [1, 2, 3, 4, 5, 6]);
    step.commit();
    expect(cache.length(sequence)).toBe(2);
    expect(cache.capacity().free).toBe(7);
    expectRow((await append({ sequence, tokens: [7] }))[0], 7, [1, 2, 7]);
  });

  it.each([
    ["falls", [2, 1]],
    ["is out of range", [4]],
    ["is negative", [-1]],
  ])("are not accepted by a list that %s, and the step stays open", async (_, list) => {
    const { cache, run } = setUp();
    const { sequence } = cache.open();
    const { step } = await run({ sequence, tokens: [3, 4, 5, 6], held: true });
    expect(() => step.commit(new Map([[sequence, Int32Array.from(list)]]))).toThrow("accepted rows");
    step.commit(new Map([[sequence, Int32Array.of(0)]]));
    expect(cache.length(sequence)).toBe(1);
  });
});

describe("truncate", () => {
  it("forgets what comes after and frees its blocks", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 11) });
    expect(cache.truncate(sequence, 5)).toBe(5);
    expect(cache.capacity()).toEqual({ free: 6, total: 8 });
    expectRow((await append({ sequence, tokens: [77] }))[0], 77, [0, 1, 2, 3, 4, 77]);
    expect(cache.truncate(sequence, 100)).toBe(6);
  });
});

describe("discard", () => {
  it("is as if the step had never been", async () => {
    const { cache, run, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: [1, 2, 3] });
    const { step } = await run({ sequence, tokens: range(40, 50) });
    step.discard();
    expect([cache.length(sequence), cache.capacity().free]).toEqual([3, 7]);
    expectRow((await append({ sequence, tokens: [4] }))[0], 4, [1, 2, 3, 4]);
  });

  it.each([["before"], ["after"]])("heals the pools when called %s the commit", async (when) => {
    const { device, cache, append } = setUp();
    const [a, b] = [cache.open().sequence, cache.open().sequence];
    await append({ sequence: a, tokens: [1, 2] });
    const step = cache.prepare(batchOf(device, [{ sequence: a, tokens: [3] }]));
    const failed = embedding({ table: device.zeros([1, 4]), ids: device.tensor([5], [1], "i32") });
    const out = step.attend(0, device.zeros([1, 8]), failed, failed);
    if (when === "after") step.commit();
    await expect(out.read()).rejects.toMatchObject({ code: "device" });
    step.discard();
    expect(cache.length(a)).toBe(2);
    const rows = await append({ sequence: a, tokens: [4] }, { sequence: b, tokens: [5] });
    expectRow(rows[0], 4, [1, 2, 4]);
    expectRow(rows[1], 5, [5]);
  });
});

describe("a full cache", () => {
  it("refuses a step before anything has changed", async () => {
    const { device, cache, append } = setUp({ blocks: 3 });
    const [a, b] = [cache.open().sequence, cache.open().sequence];
    await append({ sequence: a, tokens: range(0, 6) });
    const before = [cache.capacity(), cache.memory()];
    const batch = batchOf(device, [
      { sequence: a, tokens: [6, 7] },
      { sequence: b, tokens: range(0, 5) },
    ]);
    let error: unknown;
    try {
      cache.prepare(batch);
    } catch (thrown) {
      error = thrown;
    }
    expect(isWhittleError(error, "cache_full")).toBe(true);
    expect((error as Error).message).toContain("2 more blocks, but only 1");
    expect([cache.capacity(), cache.memory()]).toEqual(before);
    expectRow((await append({ sequence: a, tokens: [6, 7] }))[1], 7, range(0, 8));
    cache.close(a);
    expect(cache.capacity()).toEqual({ free: 3, total: 3 });
  });

  it("says beforehand what rows would cost", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    expect([cache.cost(undefined, 4), cache.cost(undefined, 5), cache.cost(sequence, 0)]).toEqual([1, 2, 0]);
    await append({ sequence, tokens: [1, 2, 3] });
    expect([cache.cost(sequence, 1), cache.cost(sequence, 2), cache.cost(sequence, 6)]).toEqual([0, 1, 2]);
  });
});

describe("steps in flight", () => {
  it("lets the next step be prepared once the last is committed, and other sequences at any time", async () => {
    const { device, cache } = setUp();
    const [a, b] = [cache.open().sequence, cache.open().sequence];
    const first = cache.prepare(batchOf(device, [{ sequence: a, tokens: [1, 2] }]));
    const other = cache.prepare(batchOf(device, [{ sequence: b, tokens: [8, 9] }]));
    await attendRows(device, first, [1, 2]);
    const beside = await attendRows(device, other, [8, 9]);
    expectRow(beside[1], 9, [8, 9]);
    first.commit();
    const second = cache.prepare(batchOf(device, [{ sequence: a, tokens: [3] }]));
    expectRow((await attendRows(device, second, [3]))[0], 3, [1, 2, 3]);
    other.commit();
    second.commit();
    expect([cache.length(a), cache.length(b)]).toEqual([3, 2]);
  });

  it("keeps a closed sequence's blocks until its step has ended", async () => {
    const { cache, run } = setUp();
    const { sequence } = cache.open();
    const { step } = await run({ sequence, tokens: range(0, 5) });
    cache.close(sequence);
    expect(cache.capacity().free).toBe(6);
    step.commit();
    expect(cache.capacity().free).toBe(8);
  });

  it("survives the scopes that it is used in", async () => {
    const { device, cache } = setUp();
    const { sequence } = cache.open();
    const step = device.scope(() => ({ step: cache.prepare(batchOf(device, [{ sequence, tokens: [1] }])) })).step;
    expectRow((await attendRows(device, step, [1]))[0], 1, [1]);
  });
});

describe("misuse is a clear error", () => {
  const cases: [string, (s: ReturnType<typeof setUp>, sequence: SequenceId) => unknown, string][] = [
    ["an unknown sequence", ({ cache }) => cache.length(99), "no sequence 99"],
    ["a closed sequence", ({ cache }, s) => (cache.close(s), cache.close(s)), "never opened, or closed"],
    [
      "two open steps of one sequence",
      ({ cache, device }, s) =>
        [1, 2].map((token) => cache.prepare(batchOf(device, [{ sequence: s, tokens: [token] }]))),
      "neither committed nor discarded",
    ],
    [
      "truncating under an open step",
      ({ cache, device }, s) => (cache.prepare(batchOf(device, [{ sequence: s, tokens: [1] }])), cache.truncate(s, 0)),
      "neither committed nor discarded",
    ],
    [
      "committing twice",
      ({ cache, device }, s) =>
        [cache.prepare(batchOf(device, [{ sequence: s, tokens: [1] }]))].map((step) => (step.commit(), step.commit())),
      "already committed",
    ],
    [
      "discarding twice",
      ({ cache, device }, s) =>
        [cache.prepare(batchOf(device, [{ sequence: s, tokens: [1] }]))].map(
          (step) => (step.discard(), step.discard()),
        ),
      "already discarded",
    ],
    [
      "a run outside of the batch",
      ({ cache, device }, s) =>
        cache.prepare({
          ...batchOf(device, [{ sequence: s, tokens: [1] }]),
          runs: [{ sequence: s, from: 0, count: 2, held: false }],
        }),
      "not within the batch of 1 rows",
    ],
    [
      "two runs that share a row",
      ({ cache, device }, s) =>
        cache.prepare({
          ...batchOf(device, [{ sequence: s, tokens: [1] }]),
          runs: [0, 0].map((from) => ({ sequence: s, from, count: 1, held: false })),
        }),
      "shares row 0",
    ],
    [
      "a run after held rows",
      ({ cache, device }, s) =>
        cache.prepare(
          batchOf(device, [
            { sequence: s, tokens: [1], held: true },
            { sequence: s, tokens: [2] },
          ]),
        ),
      "comes after held rows",
    ],
    [
      "accepting for a sequence that is not there",
      ({ cache, device }, s) =>
        cache.prepare(batchOf(device, [{ sequence: s, tokens: [1] }])).commit(new Map([[7, Int32Array.of(0)]])),
      "sequence 7 has no rows",
    ],
    [
      "a budget below one block",
      ({ device }) => floatCache()([testShape], device, 100),
      "at least one block of 1024 bytes",
    ],
    ["a budget without end", ({ device }) => floatCache()([testShape], device, Infinity), "be finite"],
    ["no block size", () => floatCache({ blockSize: 0 }), "blockSize"],
  ];
  it.each(cases)("%s", (_, act, message) => {
    const setup = setUp();
    expect(() => act(setup, setup.cache.open().sequence)).toThrow(message);
  });
});

describe("memory", () => {
  it("is counted to the byte and given back", () => {
    const device = reference();
    const cache = floatCache({ blockSize: 4 })([testShape], device, 40 * 4 * slotBytes);
    const { sequence } = cache.open();
    for (const count of [1, 30, 90]) {
      device.scope(() => {
        const step = cache.prepare(batchOf(device, [{ sequence, tokens: range(0, count), held: true }]));
        step.attend(0, ...([8, 4, 4].map((columns) => device.zeros([count, columns])) as [Tensor, Tensor, Tensor]));
        step.commit(new Map([[sequence, Int32Array.of(count - 1)]]));
      });
      expect(device.memory().live).toBe(cache.memory().total);
    }
    const { keys, values, tables } = cache.memory().parts;
    expect([keys, values]).toEqual([(40 * 4 * slotBytes) / 2, (40 * 4 * slotBytes) / 2]);
    expect(tables).toBe((64 + 128 + 512) * 4);
    cache.dispose();
    expect([device.memory().live, cache.memory().total]).toEqual([0, 0]);
    expect(() => cache.open()).toThrow("disposed");
  });

  it("leaves nothing behind when the device cannot hold the budget", () => {
    const device = reference({ memoryBytes: 1000 });
    expect(() => floatCache()([testShape, testShape, testShape], device, 4000)).toThrow(
      "only 488 of the device's budget of 1000 are free",
    );
    expect(device.memory().live).toBe(0);
  });
});
