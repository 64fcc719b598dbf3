import { describe, expect, test } from "vitest";
import { Device } from "./device.js";
import { type ActivationDType, activationDTypes, codecs } from "./dtypes.js";
import { UnsupportedOp } from "./errors.js";
import {
  add,
  addRmsNorm,
  attention,
  embedding,
  gatedLinear,
  linear,
  linears,
  rmsNorm,
  rope,
  ropePair,
  roundingBound,
  siluMul,
} from "./ops/index.js";
import { reference } from "./reference-device.js";
import { type Tensor } from "./tensor.js";

const device = reference();

/** Numbers of all signs and sizes that no two places share. */
function numbers(shape: readonly [number, number], dtype: ActivationDType, phase = 0): Tensor {
  return device.tensor(
    Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => 3 * Math.sin(1.7 * i + phase)),
    shape,
    dtype,
  );
}

const read = async (x: Tensor) => Array.from(await x.read());
const rounded = (dtype: ActivationDType, values: readonly number[]) =>
  read(device.tensor(values, [values.length], dtype));
/** The same elements as f32. */
const widened = async (x: Tensor) => device.tensor(await read(x), x.shape);

describe.each(activationDTypes)("%s activations", (dtype) => {
  test("are what ops give that get them, rounded once", async () => {
    const [x, y] = [numbers([3, 8], dtype), numbers([3, 8], dtype, 1)];
    const weight = numbers([5, 8], "f32", 2);
    for (const op of [
      async (a: Tensor) => linear({ x: a, weight }),
      async (a: Tensor) => rmsNorm({ x: a, weight: device.tensor(new Float32Array(8).fill(0.7), [8]), epsilon: 1e-5 }),
      async (a: Tensor) => add({ a, b: a.dtype === dtype ? y : await widened(y) }),
      async (a: Tensor) => siluMul({ gate: a, up: a.dtype === dtype ? y : await widened(y) }),
      async (a: Tensor) => rope({ x: a, table: numbers([3, 4], "f32", 3), interleaved: false }),
    ]) {
      const narrow = await op(x);
      expect(narrow.dtype).toBe(dtype);
      // The f32 result was rounded already; that may move a tie, which these numbers do not have.
      expect(await read(narrow)).toEqual(await rounded(dtype, await read(await op(await widened(x)))));
    }
  });

  test("are normalised as they were stored, after they were added", async () => {
    const [x, residual] = [numbers([3, 8], dtype), numbers([3, 8], dtype, 1)];
    const weight = device.tensor([1, 2, 3, 4, 5, 6, 7, 8], [8]);
    const [sum, normed] = addRmsNorm({ x, residual, weight, epsilon: 1e-5 });
    expect(await read(sum)).toEqual(await read(add({ a: x, b: residual })));
    expect(await read(normed)).toEqual(await read(rmsNorm({ x: sum, weight, epsilon: 1e-5 })));
  });

  test("give what the separate ops give in the fused ones", async () => {
    const x = numbers([3, 8], dtype);
    const [a, b, c] = [numbers([4, 8], "bf16", 1), numbers([2, 8], "bf16", 2), numbers([6, 8], "bf16", 3)];
    const [ya, yb, yc] = linears({ x, a, b, c });
    for (const [y, weight] of [
      [ya, a],
      [yb, b],
      [yc, c],
    ] as const)
      expect(await read(y)).toEqual(await read(linear({ x, weight })));
    const [gate, up] = [numbers([4, 8], "f32", 1), numbers([4, 8], "f32", 2)];
    expect(await read(gatedLinear({ x, gate, up }))).toEqual(
      await read(siluMul({ gate: linear({ x, weight: gate }), up: linear({ x, weight: up }) })),
    );
    const table = numbers([3, 4], "f32", 3);
    const [q, k] = ropePair({ q: x, k: numbers([3, 4], dtype, 4), table, interleaved: false });
    expect(await read(q)).toEqual(await read(rope({ x, table, interleaved: false })));
    expect(await read(k)).toEqual(await read(rope({ x: numbers([3, 4], dtype, 4), table, interleaved: false })));
  });

  test("attend", async () => {
    const [q, k, v] = [numbers([3, 8], dtype), numbers([3, 4], dtype, 1), numbers([3, 4], dtype, 2)];
    const ranges = device.tensor([0, 1, 0, 2, 0, 3], [3, 2], "i32");
    const shape = { ranges, heads: 2, kvHeads: 1, scale: 0.5 };
    const wide = attention({ q: await widened(q), k: await widened(k), v: await widened(v), ...shape });
    const narrow = attention({ q, k, v, ...shape });
    expect(narrow.dtype).toBe(dtype);
    expect(await read(narrow)).toEqual(await rounded(dtype, await read(wide)));
  });

  test("are what an embedding or a linear layer is asked for", async () => {
    const table = numbers([5, 4], "f32");
    const ids = device.tensor([3, -1], [2], "i32");
    expect(await read(embedding({ table, ids, as: dtype }))).toEqual([
      ...(await rounded(dtype, (await read(table)).slice(12, 16))),
      0,
      0,
      0,
      0,
    ]);
    expect(embedding({ table, ids }).dtype).toBe("f32");
    const x = numbers([2, 4], "bf16");
    expect(linear({ x, weight: table }).dtype).toBe("bf16");
    const as = linear({ x, weight: table, as: dtype });
    expect(as.dtype).toBe(dtype);
    expect(await read(as)).toEqual(await rounded(dtype, await read(linear({ x, weight: table, as: "f32" }))));
  });
});

describe("a call", () => {
  test("has activations of one dtype", () => {
    expect(() => add({ a: numbers([1, 2], "f32"), b: numbers([1, 2], "bf16") })).toThrow(
      /^add: activations must have one dtype, but are a \[1, 2\] f32, b \[1, 2\] bf16$/,
    );
  });

  test("has no other dtype than those of activations", () => {
    const ids = device.tensor([0], [1], "i32");
    expect(() => embedding({ table: numbers([1, 2], "f32"), ids, as: "i32" as never })).toThrow(
      /^embedding: as must be f32 or bf16 or f16, but is i32$/,
    );
    expect(() => add({ a: ids.reshape([1, 1]), b: ids.reshape([1, 1]) })).toThrow(
      /^add: a must be f32 or bf16 or f16, but is \[1, 1\] i32$/,
    );
  });

  test("of a fused op has weights of one dtype", () => {
    const x = numbers([1, 2], "f32");
    expect(() => gatedLinear({ x, gate: numbers([3, 2], "f32"), up: numbers([3, 2], "bf16") })).toThrow(
      /^gatedLinear: the weights must have one dtype, but are gate f32, up bf16$/,
    );
  });

  test("is refused by a device that has only f32", () => {
    const plain = Object.assign(reference(), { name: "plain", activationDTypes: ["f32"] as const });
    expect(plain).toBeInstanceOf(Device);
    const a = plain.tensor([1, 2], [1, 2], "bf16");
    expect(() => add({ a, b: a })).toThrow(UnsupportedOp);
    expect(() => add({ a, b: a })).toThrow('add: the device "plain" has no kernel for this op with bf16 activations');
    const table = plain.tensor([1, 2], [1, 2]);
    const ids = plain.tensor([0], [1], "i32");
    expect(() => embedding({ table, ids, as: "f16" })).toThrow(/^embedding: .* with f16 activations$/);
    expect(embedding({ table, ids, as: "f32" }).dtype).toBe("f32");
  });
});

describe("roundingBound", () => {
  const rounding = (dtype: ActivationDType, value: number) => {
    const view = new DataView(new ArrayBuffer(4));
    codecs[dtype].set(view, 0, value);
    return codecs[dtype].get(view, 0);
  };

  test.each(activationDTypes)("covers what rounding to %s does to two numbers that lie apart", (dtype) => {
    for (let i = 1; i < 2000; i++) {
      const value = Math.sin(i) * 2 ** ((i % 38) - 24);
      const error = Math.abs(value) * 2 ** -(i % 14);
      const apart = Math.abs(rounding(dtype, value + error) - rounding(dtype, value));
      expect(apart).toBeLessThanOrEqual(error + roundingBound(dtype, rounding(dtype, value), error));
    }
  });

  test("is one step of the dtype where the numbers are one, infinite where they may overflow", () => {
    expect(roundingBound("bf16", 1, 0)).toBeCloseTo(2 ** -7, 3);
    expect(roundingBound("f16", 2 ** -20, 0)).toBeCloseTo(2 ** -24, 9);
    expect(roundingBound("f16", 65500, 10)).toBe(Infinity);
    expect(roundingBound("f16", 60000, 10)).toBeLessThan(33);
    expect(roundingBound("i32", 60000, 10)).toBe(0);
  });
});
