import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { blockCodecs, blockDTypes } from "./block-formats.js";
import { bytesOf, decode, encode } from "./dtypes.js";
import { f16ToNumber } from "./half-precision.js";
import { quantise } from "./quantise.js";
import { reference } from "./reference-device.js";
import { linear } from "./ops/linear.js";
import { embedding } from "./ops/embedding.js";

describe.each(blockDTypes)("%s", (dtype) => {
  const { bytes: size, elements } = blockCodecs[dtype];
  const folder = elements === 256 ? "k-blocks" : "blocks";
  const golden = (name: string) =>
    new Uint8Array(readFileSync(new URL(`../fixtures/${folder}/${name}`, import.meta.url)));
  const values = decode("f32", golden("values.f32")) as Float32Array;
  const blocks = golden(`blocks.${dtype}`);

  test("gives the bytes that ggml's reference gives (tools/goldens/blocks.py, k-blocks.py)", () => {
    expect(values.length).toBeGreaterThan(1000);
    expect(Buffer.compare(quantise(values, dtype), blocks)).toBe(0);
  });

  test("decodes to the numbers that ggml's reference gives, each an f32 exactly", () => {
    expect(decode(dtype, blocks)).toEqual(decode("f32", golden(`decoded.${dtype}.f32`)));
  });

  test.runIf(elements === 32)("an element is off by at most half a step, or a whole one at the far end of q4_0", () => {
    const decoded = decode(dtype, encode(dtype, values));
    const view = new DataView(blocks.buffer, blocks.byteOffset);
    for (let i = 0; i < values.length; i++) {
      const block = Math.floor(i / 32);
      const step = Math.abs(f16ToNumber(view.getUint16(block * blockCodecs[dtype].bytes, true)));
      const largest = Math.max(...values.subarray(block * 32, block * 32 + 32).map(Math.abs));
      // The scale itself is rounded to f16: 2⁻¹¹ of the largest element, or half of f16's smallest step for every code.
      const slack = largest * 2 ** -11 + 128 * 2 ** -25;
      expect(Math.abs(decoded[i]! - values[i]!)).toBeLessThanOrEqual(
        step * (dtype === "q4_0" ? 1 : 0.5) * 1.001 + slack,
      );
    }
  });

  test("a block with an element that is not finite is NaN as a whole, and no other", () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const some = new Float32Array(3 * elements).fill(1);
      some[elements + 8] = bad;
      const decoded = decode(dtype, quantise(some, dtype));
      expect([...decoded].filter(Number.isNaN)).toHaveLength(elements);
      expect(decoded[elements + 8]).toBeNaN();
    }
  });

  test("zeros stay zeros", () => {
    expect([...decode(dtype, quantise(new Float32Array(elements), dtype))].every((x) => x === 0)).toBe(true);
  });

  test("tensors are counted in elements, their bytes in blocks", async () => {
    const device = reference();
    const columns = 2 * elements;
    const tensor = device.tensorFromBytes(blocks.subarray(0, 6 * size), [3, columns], dtype);
    expect(tensor.elements).toBe(6 * elements);
    expect(device.memory().live).toBe(6 * size);
    expect(6 * size).toBe(6 * elements * bytesOf(dtype));
    expect(await tensor.read()).toEqual(decode("f32", golden(`decoded.${dtype}.f32`)).subarray(0, 6 * elements));
    const row = tensor.rows(1, 2);
    expect(await row.readBytes()).toEqual(blocks.slice(2 * size, 4 * size));
    expect(await row.reshape([2, elements]).read()).toEqual((await tensor.read()).slice(columns, 2 * columns));
  });

  test("rows are whole blocks", () => {
    const device = reference();
    expect(() => device.empty([3, elements + 16], dtype)).toThrow(
      `${dtype} stores blocks of ${elements} elements along a row, but the shape is [3, ${elements + 16}]`,
    );
    expect(() => device.empty([], dtype)).toThrow("stores blocks");
    expect(() => device.tensorFromBytes(blocks.subarray(0, size), [16], dtype)).toThrow("stores blocks");
    const tensor = device.empty([2, 2 * elements], dtype);
    expect(() => tensor.columns(0, elements)).toThrow("rows are blocks and stay whole");
    expect(() => tensor.reshape([8, elements / 2])).toThrow("stores blocks");
    expect(() => quantise([1, 2, 3], dtype)).toThrow("there are 3 values");
  });

  test("linear and embedding decode exactly", async () => {
    const device = reference();
    const columns = 2 * elements;
    const weight = device.tensorFromBytes(blocks.subarray(0, 4 * size), [2, columns], dtype);
    const one = elements + 5;
    const unit = device.tensor(
      Array.from({ length: columns }, (_, i) => (i === one ? 1 : 0)),
      [1, columns],
    );
    const decoded = await weight.read();
    expect(decoded[one]).not.toBe(0);
    expect([...(await linear({ x: unit, weight }).read())]).toEqual([decoded[one], decoded[columns + one]]);
    const ids = device.tensor([1, -1], [2], "i32");
    expect([...(await embedding({ table: weight, ids }).read())]).toEqual([
      ...decoded.subarray(columns, 2 * columns),
      ...new Float32Array(columns),
    ]);
  });
});
