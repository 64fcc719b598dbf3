import {
  encode,
  type HostPart,
  linear,
  packSparse,
  sparse24,
  sparseMask,
  sparseWeight,
  unpackSparse,
} from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { describe, expect, it } from "vitest";
import { Random } from "../conformance/index.js";

/** A matrix of which each four along a row keep two. */
function pairs(random: Random, out: number, columns: number, dtype: "f32" | "f16" | "bf16"): HostPart {
  const values = Float32Array.from({ length: out * columns }, () => random.normal());
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < columns; column += 4) {
      for (const place of random.shuffled([0, 1, 2, 3]).slice(2))
        if (column + place < columns) values[row * columns + column + place] = 0;
    }
  }
  return { dtype, shape: [out, columns], bytes: encode(dtype, values).slice() };
}

// What a sparse weight gives must not depend on threads, and must be what its matrix gives: rows that are streamed, and so many that panels are expanded.
describe.each(cpuInfo().isas)("products with sparse weights on %s", (isa) => {
  it.each([
    ["f32", [1, 40], 1000, 203],
    ["bf16", [1, 3, 8, 9, 40], 1000, 203],
    ["f16", [1, 6], 130, 64],
  ] as const)("of %s have the bits of linear with 1 to 16 threads", async (dtype, rowCounts, columns, out) => {
    const random = new Random(7);
    const matrix = pairs(random, out, columns, dtype);
    const x = Float32Array.from({ length: 40 * columns }, () => random.normal());
    const bits = new Map<string, Uint8Array>();
    for (const threads of [1, 2, 5, 16]) {
      const device = await cpu({ isa, threads, memoryBytes: 2 ** 26 });
      for (const rows of rowCounts) {
        const input = device.tensor(x.subarray(0, rows * columns), [rows, columns]);
        for (const format of [sparse24, sparseMask]) {
          for (const keptAs of ["stored", "i8"] as const) {
            const parts = packSparse(format, matrix, keptAs);
            const whole = unpackSparse(format, parts, matrix.shape);
            const weight = sparseWeight(device, format, parts, matrix.shape);
            const dense = device.tensorFromBytes(whole.bytes, whole.shape, whole.dtype);
            const got = await format.product(input, weight, undefined, undefined).readBytes();
            const name = `${format.name} ${keptAs}, ${rows} rows`;
            expect(Buffer.compare(got, await linear({ x: input, weight: dense }).readBytes()), name).toBe(0);
            expect(Buffer.compare(got, bits.get(name) ?? got), `${name}, ${threads} threads`).toBe(0);
            bits.set(name, got);
          }
        }
      }
      await device.close();
    }
  });
});
