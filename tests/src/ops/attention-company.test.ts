import { attendPartPaged } from "@whittle/kvcache";
import { cpu, cpuInfo } from "@whittle/kernels";
import { describe, expect, it } from "vitest";
import { Random } from "../conformance/index.js";

const blockSize = 16;

// A few queries use keys as they are stored, many stand in the lanes of a vector: a row must not tell which it was.
describe.each(cpuInfo().isas)("attention on %s", (isa) => {
  it.each([
    { heads: 2, kvHeads: 2, headDim: 48, rows: 150, before: 3, dtype: "f32" },
    { heads: 9, kvHeads: 3, headDim: 64, rows: 70, before: 130, dtype: "f16" },
    { heads: 8, kvHeads: 1, headDim: 128, rows: 21, before: 60, dtype: "bf16" },
    { heads: 2, kvHeads: 1, headDim: 20, rows: 19, before: 0, dtype: "f16" },
  ] as const)("gives a row of $rows the bits that it has alone: $heads heads of $headDim, $dtype", async (shape) => {
    const { heads, kvHeads, headDim, rows, before, dtype } = shape;
    const random = new Random(7);
    const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
    const device = await cpu({ isa, threads: 2 });
    const blocks = Math.ceil((before + rows) / blockSize);
    const pool = () =>
      device.tensor(normal(blocks * blockSize * kvHeads * headDim), [blocks * blockSize, kvHeads * headDim], dtype);
    const q = device.tensor(normal(rows * heads * headDim), [rows, heads * headDim], "f32");
    const shared = {
      keys: pool(),
      values: pool(),
      tables: device.tensor(
        Int32Array.from(random.shuffled(Array.from({ length: blocks }, (_, i) => i))),
        [1, blocks],
        "i32",
      ),
      heads,
      kvHeads,
      blockSize,
      scale: 0.2,
    };
    const attend = async (from: number, to: number) => {
      const seen = Array.from({ length: to - from }, (_, i) => [0, before + from + i + 1]).flat();
      const [out, stats] = attendPartPaged({
        q: q.rows(from, to),
        rows: device.tensor(seen, [to - from, 2], "i32"),
        ...shared,
      });
      return { out: await out.read(), stats: await stats.read() };
    };
    const all = await attend(0, rows);
    for (const [from, to] of [
      ...Array.from({ length: rows }, (_, i) => [i, i + 1] as const),
      [2, 5],
      [1, 18],
    ] as const) {
      const some = await attend(from, to);
      for (const part of ["out", "stats"] as const) {
        const width = some[part].length / (to - from);
        expect(some[part]).toEqual(all[part].slice(from * width, to * width));
      }
    }
    await device.close();
  });
});
