import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { blockCodecs, type BlockDType } from "./block-formats.js";
import { bytesOf, decode, encode } from "./dtypes.js";
import { f16ToNumber } from "./half-precision.js";
import { quantise } from "./quantise.js";
import { reference } from "./reference-device.js";
import { linear } from "./ops/linear.js";
import { embedding } from "./ops/embedding.js";

const golden = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/blocks/${name}`, import.meta.url)));
const formats: BlockDType[] = ["q8_0", "q4_0"];

describe.each(formats)("%s", (dtype) => {
  const values = decode("f32", golden("values.f32")) as Float32Array;
  const blocks = golden(`blocks.${dtype}`);

  test("gives the bytes that ggml's reference gives (tools/goldens/blocks.py)", () => {
    expect(values.length).toBeGreaterThan(1000);
    expect(Buffer.compare(quantise(values, dtype), blocks)).toBe(0);
  });

  test("decodes to the numbers that ggml's reference gives, each an f32 exactly", () => {
    expect(decode(dtype, blocks)).toEqual(decode("f32", golden(`decoded.${dtype}.f32`)));
  });

  test("an element is off by at most half a step, or a whole one at the far end of q4_0", () => {
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
      const some = new Float32Array(96).fill(1);
      some[40] = bad;
      const decoded = decode(dtype, quantise(some, dtype));
      expect([...decoded].filter(Number.isNaN)).toHaveLength(32);
      expect(decoded[40]).toBeNaN();
    }
  });

  test("zeros stay zeros", () => {
    expect([...decode(dtype, quantise(new Float32Array(32), dtype))].every((x) => x === 0)).toBe(true);
  });

  test("tensors are counted in elements, their bytes in blocks", async () => {
    const device = reference();
    const tensor = device.tensorFromBytes(blocks.subarray(0, 6 * blockCodecs[dtype].bytes), [3, 64], dtype);
    expect(tensor.elements).toBe(192);
    expect(device.memory().live).toBe(6 * blockCodecs[dtype].bytes);
    expect(6 * blockCodecs[dtype].bytes).toBe(192 * bytesOf(dtype));
    expect(await tensor.read()).toEqual(decode("f32", golden(`decoded.${dtype}.f32`)).subarray(0, 192));
    const row = tensor.rows(1, 2);
    expect(await row.readBytes()).toEqual(blocks.slice(2 * blockCodecs[dtype].bytes, 4 * blockCodecs[dtype].bytes));
    expect(await row.reshape([2, 32]).read()).toEqual((await tensor.read()).slice(64, 128));
  });

  test("rows are whole blocks", () => {
    const device = reference();
    expect(() => device.empty([3, 33], dtype)).toThrow("stores blocks of 32 elements along a row");
    expect(() => device.empty([], dtype)).toThrow("stores blocks");
    expect(() => device.tensorFromBytes(blocks.subarray(0, 34), [16], dtype)).toThrow("stores blocks");
    const tensor = device.empty([2, 64], dtype);
    expect(() => tensor.columns(0, 32)).toThrow("rows are blocks and stay whole");
    expect(() => tensor.reshape([8, 16])).toThrow("stores blocks");
    expect(() => quantise([1, 2, 3], dtype)).toThrow("there are 3 values");
  });

  test("linear and embedding decode exactly", async () => {
    const device = reference();
    const weight = device.tensorFromBytes(blocks.subarray(0, 4 * blockCodecs[dtype].bytes), [2, 64], dtype);
    const unit = device.tensor(
      Array.from({ length: 64 }, (_, i) => (i === 37 ? 1 : 0)),
      [1, 64],
    );
    const decoded = await weight.read();
    expect([...(await linear({ x: unit, weight }).read())]).toEqual([decoded[37], decoded[64 + 37]]);
    const ids = device.tensor([1, -1], [2], "i32");
    expect([...(await embedding({ table: weight, ids }).read())]).toEqual([
      ...decoded.subarray(64, 128),
      ...new Float32Array(64),
    ]);
  });
});
