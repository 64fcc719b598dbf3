import { describe, expect, it } from "vitest";
import { range, setUp } from "./test-cache.js";
import { attendRows, batchOf, expectedRow } from "./test-rows.js";

type Cache = ReturnType<typeof setUp>;
const ids = (list: readonly number[]) => Int32Array.from(list);

function expectRow(row: number[] | undefined, token: number, seen: number[], digits = 5) {
  expectedRow(token, seen).forEach((value, i) => expect(row![i]).toBeCloseTo(value, digits));
}

/** Computes, seals and closes a text. */
async function remember({ cache, append }: Cache, text: readonly number[], salt = "") {
  const { sequence, cached } = cache.open(ids(text), { salt });
  await append({ sequence, tokens: text.slice(cached) });
  cache.seal(sequence, ids(text));
  cache.close(sequence);
  return cached;
}

describe("a prompt that begins like a sealed text", () => {
  it("has whole blocks of it, and rows that see them see the text", async () => {
    const setup = setUp();
    const { cache, append } = setup;
    await remember(setup, range(0, 11));
    const { sequence, cached } = cache.open(ids([...range(0, 10), 77]));
    expect([cached, cache.length(sequence)]).toEqual([8, 8]);
    const rows = await append({ sequence, tokens: [8, 9, 77] });
    expectRow(rows[2], 77, [...range(0, 10), 77]);
    expect(cache.capacity().free).toBe(5);
    cache.close(sequence);
    expect(cache.stats!()).toEqual({ prefixQueries: 22, prefixHits: 8, evictions: 0 });
  });

  it.each([
    [8, 4],
    [9, 8],
    [4, 0],
    [5, 4],
    [1, 0],
    [0, 0],
  ])("of %i tokens has %i of them: its last is always computed", async (length, cached) => {
    const setup = setUp();
    await remember(setup, range(0, 12));
    expect(setup.cache.open(ids(range(0, length))).cached).toBe(cached);
  });

  it("has none of another salt's, nor of the same tokens later in a text", async () => {
    const setup = setUp();
    await remember(setup, range(0, 9), "a");
    expect(setup.cache.open(ids(range(0, 9))).cached).toBe(0);
    expect(setup.cache.open(ids(range(4, 9)), { salt: "a" }).cached).toBe(0);
    expect(setup.cache.open(ids(range(0, 9)), { salt: "a" }).cached).toBe(8);
    expect(setup.cache.open().cached).toBe(0);
  });

  it("goes on across turns", async () => {
    const setup = setUp();
    expect(await remember(setup, range(0, 6))).toBe(0);
    expect(await remember(setup, range(0, 10))).toBe(4);
    expect(await remember(setup, range(0, 21))).toBe(8);
    expect(setup.cache.open(ids(range(0, 21))).cached).toBe(20);
  });

  it("finds only what was sealed", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 8) });
    expect(cache.open(ids(range(0, 9))).cached).toBe(0);
    cache.seal(sequence, ids(range(0, 7)));
    expect(cache.open(ids(range(0, 9))).cached).toBe(4);
    cache.seal(sequence, ids(range(0, 8)));
    expect(cache.open(ids(range(0, 9))).cached).toBe(8);
  });

  it("is never answered from rows that were held and dropped", async () => {
    const { cache, run, append } = setUp();
    const { sequence } = cache.open();
    const { step } = await run({ sequence, tokens: [0, 1] }, { sequence, tokens: [50, 51, 2, 3], held: true });
    step.commit(new Map([[sequence, Int32Array.of(2, 3)]]));
    cache.seal(sequence, ids(range(0, 4)));
    expect(cache.open(ids([0, 1, 50, 51, 4])).cached).toBe(0);
    const hit = cache.open(ids(range(0, 5)));
    expect(hit.cached).toBe(4);
    expectRow((await append({ sequence: hit.sequence, tokens: [4] }))[0], 4, range(0, 5));
  });
});

describe("space", () => {
  it("counts what nobody holds as free, and takes the end of the least recently held text first", async () => {
    const setup = setUp({ blocks: 6 });
    const { cache, append } = setup;
    await remember(setup, range(0, 12));
    await remember(setup, range(100, 108));
    expect(cache.capacity()).toEqual({ free: 6, total: 6 });
    const { sequence } = cache.open();
    // One unused block, then the end of the first text.
    await append({ sequence, tokens: range(200, 208) });
    expect(cache.stats!().evictions).toBe(1);
    const [first, second] = [cache.open(ids(range(0, 13))), cache.open(ids(range(100, 109)))];
    expect([first.cached, second.cached]).toEqual([8, 8]);
    expect(cache.capacity().free).toBe(0);
    cache.close(first.sequence);
    await append({ sequence, tokens: range(208, 216) });
    expect(cache.open(ids(range(0, 13))).cached).toBe(0);
    expect(cache.stats!().evictions).toBe(3);
    cache.close(sequence);
    expectRow((await append({ sequence: second.sequence, tokens: [108] }))[0], 108, range(100, 109));
  });

  it("is kept once for texts that were computed twice", async () => {
    const { cache, append } = setUp();
    const [a, b] = [cache.open(ids(range(0, 9))).sequence, cache.open(ids(range(0, 9))).sequence];
    await append({ sequence: a, tokens: range(0, 9) }, { sequence: b, tokens: range(0, 9) });
    expect(cache.capacity().free).toBe(2);
    cache.seal(a, ids(range(0, 9)));
    cache.seal(b, ids(range(0, 9)));
    expect(cache.capacity().free).toBe(4);
    cache.close(a);
    expectRow((await append({ sequence: b, tokens: [9] }))[0], 9, range(0, 10));
    cache.close(b);
    expect(cache.capacity().free).toBe(8);
  });

  it("is not taken from an open step: a block exchanged under it goes when the step ends", async () => {
    const { device, cache, append } = setUp({ blocks: 4 });
    const [a, b] = [cache.open().sequence, cache.open().sequence];
    await append({ sequence: a, tokens: range(0, 4) }, { sequence: b, tokens: range(0, 4) });
    cache.seal(a, ids(range(0, 4)));
    const step = cache.prepare(batchOf(device, [{ sequence: b, tokens: [4] }]));
    cache.seal(b, ids(range(0, 4)));
    expect(cache.capacity().free).toBe(1);
    const other = cache.open().sequence;
    await append({ sequence: other, tokens: range(60, 64) });
    expectRow((await attendRows(device, step, [4]))[0], 4, range(0, 5));
    step.commit();
    expect(cache.capacity().free).toBe(1);
    expectRow((await append({ sequence: b, tokens: [5] }))[0], 5, range(0, 6));
  });

  it("suffices for one sequence as large as the cache, truncated into a sealed block", async () => {
    const { cache, append } = setUp({ blocks: 2 });
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 8) });
    cache.seal(sequence, ids(range(0, 8)));
    cache.truncate(sequence, 6);
    expectRow((await append({ sequence, tokens: [66] }))[0], 66, [...range(0, 6), 66]);
    cache.close(sequence);
    expect(cache.open(ids(range(0, 9))).cached).toBe(4);
  });
});

describe("fork", () => {
  it("shares all blocks; who writes first copies the last", async () => {
    const { cache, append } = setUp();
    const { sequence: a } = cache.open();
    await append({ sequence: a, tokens: range(0, 6) });
    const [b, c] = [cache.fork(a), cache.fork(a)];
    expect([cache.length(b), cache.capacity().free]).toEqual([6, 6]);
    expect([a, b, c].map((sequence) => cache.cost(sequence, 1))).toEqual([1, 1, 1]);
    expect([cache.cost(b, 2), cache.cost(b, 3), cache.cost(b, 0)]).toEqual([1, 2, 0]);
    expectRow((await append({ sequence: b, tokens: [70] }))[0], 70, [...range(0, 6), 70]);
    const rows = await append({ sequence: a, tokens: [60] }, { sequence: c, tokens: [80, 81] });
    expectRow(rows[0], 60, [...range(0, 6), 60]);
    expectRow(rows[2], 81, [...range(0, 6), 80, 81]);
    expect(cache.capacity().free).toBe(4);
    const last = await append(
      { sequence: a, tokens: [61] },
      { sequence: b, tokens: [71] },
      { sequence: c, tokens: [82] },
    );
    expectRow(last[0], 61, [...range(0, 6), 60, 61]);
    expectRow(last[1], 71, [...range(0, 6), 70, 71]);
    expectRow(last[2], 82, [...range(0, 6), 80, 81, 82]);
    for (const sequence of [a, b, c]) cache.close(sequence);
    expect(cache.capacity().free).toBe(8);
  });

  it("costs no copy where blocks are whole, or for the last one left", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 4) });
    const fork = cache.fork(sequence);
    expect([cache.cost(fork, 1), cache.cost(fork, 4), cache.cost(fork, 5)]).toEqual([1, 1, 2]);
    await append({ sequence: fork, tokens: [9] });
    const second = cache.fork(fork);
    cache.close(fork);
    expect(cache.cost(second, 1)).toBe(0);
    expectRow((await append({ sequence: second, tokens: [10] }))[0], 10, [...range(0, 4), 9, 10]);
  });

  it("is untouched when its origin is truncated and goes on otherwise, and the other way round", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 7) });
    const fork = cache.fork(sequence);
    cache.truncate(sequence, 5);
    expectRow((await append({ sequence, tokens: [55] }))[0], 55, [...range(0, 5), 55]);
    expectRow((await append({ sequence: fork, tokens: [7] }))[0], 7, range(0, 8));
  });

  it("counts the copies before anything changes when there is no room", async () => {
    const { device, cache, append } = setUp({ blocks: 2 });
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 3) });
    const forks = [cache.fork(sequence), cache.fork(sequence)];
    const batch = batchOf(
      device,
      forks.map((fork, i) => ({ sequence: fork, tokens: [90 + i] })),
    );
    expect(() => cache.prepare(batch)).toThrow("2 more blocks, but only 1");
    expect(cache.capacity().free).toBe(1);
    expectRow((await append({ sequence: forks[0]!, tokens: [90] }))[0], 90, [...range(0, 3), 90]);
  });

  it("copies in queue order: what was recorded before the copy is in it", async () => {
    const { device, cache } = setUp();
    const { sequence } = cache.open();
    const first = cache.prepare(batchOf(device, [{ sequence, tokens: [1, 2] }]));
    const read = attendRows(device, first, [1, 2]);
    first.commit();
    const fork = cache.fork(sequence);
    const second = cache.prepare(batchOf(device, [{ sequence: fork, tokens: [3] }]));
    expectRow((await attendRows(device, second, [3]))[0], 3, [1, 2, 3]);
    second.commit();
    await read;
  });

  it("is refused under an open step", async () => {
    const { cache, run } = setUp();
    const { sequence } = cache.open();
    await run({ sequence, tokens: [1] });
    expect(() => cache.fork(sequence)).toThrow("neither committed nor discarded");
    expect(() => cache.fork(99)).toThrow("no sequence 99");
  });
});

describe("a failed step", () => {
  it("on a fork gives the copy back", async () => {
    const { cache, append, fail } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 6) });
    const fork = cache.fork(sequence);
    const step = fail(fork, [7]);
    expect(cache.capacity().free).toBe(5);
    step.discard();
    expect([cache.capacity().free, cache.length(fork), cache.cost(fork, 1)]).toEqual([6, 6, 1]);
    const rows = await append({ sequence: fork, tokens: [70] }, { sequence, tokens: [60] });
    expectRow(rows[0], 70, [...range(0, 6), 70]);
    expectRow(rows[1], 60, [...range(0, 6), 60]);
  });

  it("behind another one did not copy: discarded after its commit, the fork keeps whole blocks only", async () => {
    const { device, cache, append, fail } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 6) });
    const fork = cache.fork(sequence);
    const other = cache.open().sequence;
    const failed = fail(other, [90]);
    const behind = cache.prepare(batchOf(device, [{ sequence: fork, tokens: [7] }]));
    const read = attendRows(device, behind, [7]);
    behind.commit();
    await expect(read).rejects.toMatchObject({ code: "device" });
    behind.discard();
    failed.discard();
    expect(cache.length(fork)).toBe(4);
    const rows = await append({ sequence: fork, tokens: [4, 5, 70] }, { sequence, tokens: [6] });
    expectRow(rows[2], 70, [...range(0, 6), 70]);
    expectRow(rows[3], 6, range(0, 7));
  });

  it("that was sealed is found no more, nor what follows it", async () => {
    const { cache, append, run } = setUp({ blocks: 12 });
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 6) });
    const { step } = await run({ sequence, tokens: range(6, 9) });
    step.commit();
    cache.seal(sequence, ids(range(0, 9)));
    const hit = cache.open(ids(range(0, 13)));
    await append({ sequence: hit.sequence, tokens: range(8, 13) });
    cache.seal(hit.sequence, ids(range(0, 13)));
    cache.close(hit.sequence);
    expect(cache.open(ids(range(0, 14))).cached).toBe(12);
    step.discard();
    expect(cache.length(sequence)).toBe(6);
    expect(cache.open(ids(range(0, 14))).cached).toBe(4);
    expectRow((await append({ sequence, tokens: [66] }))[0], 66, [...range(0, 6), 66]);
  });

  it("leaves those who had found its rows unable to publish more", async () => {
    const { cache, append, run } = setUp();
    const { sequence } = cache.open();
    const { step } = await run({ sequence, tokens: range(0, 4) });
    step.commit();
    cache.seal(sequence, ids(range(0, 4)));
    const hit = cache.open(ids(range(0, 9)));
    step.discard();
    await append({ sequence: hit.sequence, tokens: range(4, 9) });
    cache.seal(hit.sequence, ids(range(0, 9)));
    cache.close(hit.sequence);
    expect(cache.open(ids(range(0, 9))).cached).toBe(0);
    expect(cache.open(ids(range(4, 9))).cached).toBe(0);
    expect(cache.capacity().free).toBe(8);
  });
});

describe("seal", () => {
  it("refuses more ids than rows, and other ids for rows that are sealed", async () => {
    const { cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 6) });
    expect(() => cache.seal(sequence, ids(range(0, 7)))).toThrow("7 ids for sequence 0, which has 6 tokens");
    const fork = cache.fork(sequence);
    cache.seal(sequence, ids(range(0, 6)));
    expect(() => cache.seal(fork, ids([9, 9, 9, 9]))).toThrow("[0, 1, 2, 3] before, but now as [9, 9, 9, 9]");
  });

  it("may come while a later step is open", async () => {
    const { device, cache, append } = setUp();
    const { sequence } = cache.open();
    await append({ sequence, tokens: range(0, 5) });
    const step = cache.prepare(batchOf(device, [{ sequence, tokens: [5] }]));
    cache.seal(sequence, ids(range(0, 5)));
    expect(cache.open(ids(range(0, 5))).cached).toBe(4);
    expectRow((await attendRows(device, step, [5]))[0], 5, range(0, 6));
    step.discard();
    expect(cache.length(sequence)).toBe(5);
  });
});
