import { attention, reference, type Tensor } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { appendKvPaged, attendPartPaged, mergeParts, moveRows } from "./index.js";

const device = reference();
const [heads, kvHeads, headDim, blockSize] = [4, 2, 6, 4];
const width = kvHeads * headDim;

/** Numbers that no two places share. */
function numbers(rows: number, columns: number, phase = 0): Tensor {
  return device.tensor(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(1.7 * i + phase)),
    [rows, columns],
  );
}

/** A pool of 5 blocks that holds 10 keys in the blocks 3, 0, 4 of its only table. */
function filled() {
  const [k, v] = [numbers(10, width, 1), numbers(10, width, 2)];
  const [keys, values] = [device.zeros([20, width]), device.zeros([20, width])];
  const slots = device.tensor([12, 13, 14, 15, 0, 1, 2, 3, 16, 17], [10], "i32");
  appendKvPaged({ k, v, keys, values, slots });
  return { k, v, pool: { keys, values, tables: device.tensor([3, 0, 4], [1, 3], "i32") } };
}
const shape = { heads, kvHeads, blockSize, scale: 0.4 };

describe("attendPart.paged", () => {
  it("equals attention over the same keys, whatever the blocks", async () => {
    const { k, v, pool } = filled();
    const q = numbers(3, heads * headDim, 3);
    const [out] = attendPartPaged({ q, ...pool, rows: device.tensor([0, 10, 0, 7, 0, 1], [3, 2], "i32"), ...shape });
    const whole = attention({
      q,
      k,
      v,
      ranges: device.tensor([0, 10, 0, 7, 0, 1], [3, 2], "i32"),
      heads,
      kvHeads,
      scale: 0.4,
    });
    expect(await out.read()).toEqual(await whole.read());
  });

  it("sees the ancestors of a draft row and no other uncommitted row", async () => {
    const { k, v, pool } = filled();
    const q = numbers(1, heads * headDim, 3);
    const rows = device.tensor([0, 5], [1, 2], "i32");
    const [out] = attendPartPaged({
      q,
      ...pool,
      rows,
      ancestors: device.tensor([0b10110, 0], [1, 2], "i32"),
      ...shape,
    });
    // Keys 0–4, then 6, 7 and 9.
    const pick = async (x: Tensor) => {
      const all = await x.read();
      return device.tensor(
        [0, 1, 2, 3, 4, 6, 7, 9].flatMap((row) => Array.from(all.slice(row * width, (row + 1) * width))),
        [8, width],
      );
    };
    const whole = attention({
      q,
      k: await pick(k),
      v: await pick(v),
      ranges: device.tensor([0, 8], [1, 2], "i32"),
      heads,
      kvHeads,
      scale: 0.4,
    });
    expect(await out.read()).toEqual(await whole.read());
  });

  it("gives zeros and empty statistics to padding rows", async () => {
    const { pool } = filled();
    const [out, stats] = attendPartPaged({
      q: numbers(1, heads * headDim),
      ...pool,
      rows: device.tensor([-1, 9], [1, 2], "i32"),
      ...shape,
    });
    expect(new Set(await out.read())).toEqual(new Set([0]));
    expect([...(await stats.read())]).toEqual(Array.from({ length: heads }, () => [-Infinity, 0]).flat());
  });

  it.each([
    ["table 1 of 1", [1, 3]],
    ["sees key 12, but a table holds 12", [0, 13]],
  ])("fails on what is not there: %s", async (reason, row) => {
    const { pool } = filled();
    const [out] = attendPartPaged({
      q: numbers(1, heads * headDim),
      ...pool,
      rows: device.tensor(row, [1, 2], "i32"),
      ...shape,
    });
    await expect(out.read()).rejects.toThrow(reason);
  });

  it("fails on a block outside of the pool", async () => {
    const { pool } = filled();
    const tables = device.tensor([3, 5], [1, 2], "i32");
    const [out] = attendPartPaged({
      q: numbers(1, heads * headDim),
      ...pool,
      tables,
      rows: device.tensor([0, 5], [1, 2], "i32"),
      ...shape,
    });
    await expect(out.read()).rejects.toThrow("block 5 of 5");
  });

  it("refuses keys and values of two dtypes", () => {
    const { pool } = filled();
    const rows = device.tensor([0, 5], [1, 2], "i32");
    expect(() =>
      attendPartPaged({
        q: numbers(1, heads * headDim),
        ...pool,
        values: device.zeros([20, width], "f16"),
        rows,
        ...shape,
      }),
    ).toThrow("one dtype");
  });
});

describe("appendKv.paged", () => {
  it("rounds once to the pool's dtype and skips padding rows", async () => {
    const [keys, values] = [device.zeros([2, 1], "f16"), device.zeros([2, 1], "bf16")];
    const x = device.tensor([1 + 2 ** -12, 7], [2, 1]);
    appendKvPaged({ k: x, v: x, keys, values, slots: device.tensor([1, -1], [2], "i32") });
    expect([...(await keys.read())]).toEqual([0, 1]);
    expect([...(await values.read())]).toEqual([0, 1]);
  });

  it("fails on a slot outside of the pool", async () => {
    const [keys, values] = [device.zeros([2, 1]), device.zeros([2, 1])];
    const x = device.tensor([1], [1, 1]);
    appendKvPaged({ k: x, v: x, keys, values, slots: device.tensor([2], [1], "i32") });
    await expect(keys.read()).rejects.toThrow("slot 2 of 2");
  });
});

describe("mergeParts", () => {
  it("of two halves is the whole", async () => {
    const { pool } = filled();
    const q = numbers(2, heads * headDim, 3);
    const attend = (tables: Tensor, rows: number[]) =>
      attendPartPaged({ q, ...pool, tables, rows: device.tensor(rows, [2, 2], "i32"), ...shape });
    const [wholeOut, wholeStats] = attend(pool.tables, [0, 10, 0, 4]);
    const [a, aStats] = attend(device.tensor([3], [1, 1], "i32"), [0, 4, 0, 4]);
    const [b, bStats] = attend(device.tensor([0, 4], [1, 2], "i32"), [0, 6, 0, 0]);
    const [out, stats] = mergeParts({ a, aStats, b, bStats });
    const close = async (x: Tensor, y: Tensor) => {
      const expected = await y.read();
      (await x.read()).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    };
    await close(out, wholeOut);
    await close(stats, wholeStats);
  });

  it("of two empty parts is empty", async () => {
    const [a, aStats] = [device.zeros([1, 2]), device.tensor([-Infinity, 0], [1, 1, 2])];
    const [out, stats] = mergeParts({ a, aStats, b: a, bStats: aStats });
    expect([...(await out.read())]).toEqual([0, 0]);
    expect([...(await stats.read())]).toEqual([-Infinity, 0]);
  });
});

describe("moveRows", () => {
  it("moves one after another and leaves the rest", async () => {
    const x = device.tensor([0, 1, 2, 3, 4, 5], [6, 1], "bf16");
    moveRows({ x, moves: device.tensor([3, 1, 5, 2, -1, 0], [3, 2], "i32") });
    expect([...(await x.read())]).toEqual([0, 3, 5, 3, 4, 5]);
  });

  it("fails on a row outside of the pool", async () => {
    const x = device.zeros([2, 1]);
    moveRows({ x, moves: device.tensor([0, 2], [1, 2], "i32") });
    await expect(x.read()).rejects.toThrow("from 0 to 2");
  });
});
