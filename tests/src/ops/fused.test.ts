import {
  type Device,
  type DType,
  gatedLinear,
  gatedLinearBf16,
  gatedLinearQ8,
  linear,
  linearBf16,
  linearQ8,
  linears,
  linearsBf16,
  linearsQ8,
  rope,
  ropePair,
  siluMul,
  type Tensor,
} from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../conformance/index.js";

/** Fused ops must give the bits of the ops that they stand for, so that a model may take either. */
describe("fused ops", () => {
  const random = new Random(3);
  let device: Device;
  beforeAll(async () => {
    device = await cpu({ memoryBytes: 2 ** 27 });
  });
  afterAll(() => device.close());

  const normal = (shape: readonly number[], dtype: DType = "f32") =>
    device.tensor(
      Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => random.normal()),
      shape,
      dtype,
    );
  const bitsOf = async (tensors: readonly Tensor[]) => Promise.all(tensors.map((tensor) => tensor.readBytes()));

  // One row, few, and more than fit a panel of the gated MLP.
  it.each([1, 7, 70])("linears and gatedLinear of %d rows", async (rows) => {
    const x = normal([rows, 96]);
    const [a, b, c] = [normal([96, 96], "bf16"), normal([33, 96], "bf16"), normal([33, 96], "bf16")];
    const bBias = normal([33]);
    expect(await bitsOf(linears({ x, a, b, c, bBias }))).toEqual(
      await bitsOf([linear({ x, weight: a }), linear({ x, weight: b, bias: bBias }), linear({ x, weight: c })]),
    );
    const [gate, up] = [normal([4000, 96]), normal([4000, 96])];
    const gateBias = normal([4000]);
    expect(await bitsOf([gatedLinear({ x, gate, up, gateBias })])).toEqual(
      await bitsOf([siluMul({ gate: linear({ x, weight: gate, bias: gateBias }), up: linear({ x, weight: up }) })]),
    );
  });

  // One row, one tile, and several.
  it.each([1, 7, 70])("linears and gatedLinear of %d rows rounded to 8 bits", async (rows) => {
    const x = normal([rows, 96]);
    const [a, b, c] = [normal([96, 96], "q8_0"), normal([33, 96], "q8_0"), normal([33, 96], "q8_0")];
    const bBias = normal([33]);
    expect(await bitsOf(linearsQ8({ x, a, b, c, bBias }))).toEqual(
      await bitsOf([linearQ8({ x, weight: a }), linearQ8({ x, weight: b, bias: bBias }), linearQ8({ x, weight: c })]),
    );
    const [gate, up] = [normal([4000, 96], "q4_0"), normal([4000, 96], "q4_0")];
    const gateBias = normal([4000]);
    expect(await bitsOf([gatedLinearQ8({ x, gate, up, gateBias })])).toEqual(
      await bitsOf([siluMul({ gate: linearQ8({ x, weight: gate, bias: gateBias }), up: linearQ8({ x, weight: up }) })]),
    );
  });

  it.each([1, 7, 70])("linears and gatedLinear of %d rows rounded to bf16", async (rows) => {
    const x = normal([rows, 97]);
    const [a, b, c] = [normal([96, 97], "bf16"), normal([33, 97], "bf16"), normal([33, 97], "bf16")];
    const bBias = normal([33]);
    expect(await bitsOf(linearsBf16({ x, a, b, c, bBias }))).toEqual(
      await bitsOf([
        linearBf16({ x, weight: a }),
        linearBf16({ x, weight: b, bias: bBias }),
        linearBf16({ x, weight: c }),
      ]),
    );
    const [gate, up] = [normal([4000, 97], "bf16"), normal([4000, 97], "bf16")];
    const gateBias = normal([4000]);
    expect(await bitsOf([gatedLinearBf16({ x, gate, up, gateBias })])).toEqual(
      await bitsOf([
        siluMul({ gate: linearBf16({ x, weight: gate, bias: gateBias }), up: linearBf16({ x, weight: up }) }),
      ]),
    );
  });

  it("ropePair", async () => {
    const [q, k, table] = [normal([9, 64]), normal([9, 32]), normal([9, 16])];
    const interleaved = false;
    expect(await bitsOf(ropePair({ q, k, table, interleaved }))).toEqual(
      await bitsOf([rope({ x: q, table, interleaved }), rope({ x: k, table, interleaved })]),
    );
  });

  it.each([2, 6, 64, 300])(
    "rope of interleaved heads of %i elements, whose pairs lie side by side",
    async (headDim) => {
      const [heads, table] = [normal([9, 2 * headDim]), normal([9, headDim])];
      const values = await heads.read();
      const half = headDim / 2;
      const sideBySide = values.map((_, i) => {
        const place = i % headDim;
        return values[i - place + (place >> 1) + (place % 2) * half]!;
      });
      const x = heads.device.tensor(sideBySide, heads.shape);
      expect(await bitsOf([rope({ x, table, interleaved: true })])).toEqual(
        await bitsOf([rope({ x: heads, table, interleaved: false })]),
      );
    },
  );
});
