import { describe, expect, test } from "vitest";
import { Linear } from "./layers/linear.js";
import { gatedLinearBf16, linear, linearBf16, linearsBf16, siluMul } from "./ops/index.js";
import { reference } from "./reference-device.js";
import { type Tensor } from "./tensor.js";

const device = reference();
const read = async (x: Tensor) => Array.from(await x.read());

/** Numbers of all signs and sizes that bf16 has not. */
const numbers = (rows: number, columns: number, phase = 0) =>
  Float32Array.from({ length: rows * columns }, (_, i) => 3 * Math.sin(1.7 * i + phase));
const weightOf = (rows: number, phase = 0) => device.tensor(numbers(rows, 8, phase), [rows, 8], "bf16");

describe("linearBf16", () => {
  const x = device.tensor(numbers(3, 8), [3, 8]);
  const weight = weightOf(5, 1);

  test("is linear of activations that were rounded to bf16, and not of others", async () => {
    const rounded = device.tensor(await read(device.tensor(await read(x), [3, 8], "bf16")), [3, 8]);
    const bias = device.tensor([0.1, 0.2, 0.3, 0.4, 0.5], [5]);
    const product = await read(linearBf16({ x, weight, bias }));
    expect(product).toEqual(await read(linear({ x: rounded, weight, bias })));
    expect(product).not.toEqual(await read(linear({ x, weight, bias })));
  });

  test("rounds ties to even, and too large a number to infinity", async () => {
    const one = device.tensor([1], [1, 1], "bf16");
    const given = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8 - 2 ** -20, (2 - 2 ** -8) * 2 ** 127, NaN];
    const rounded = await read(linearBf16({ x: device.tensor(given, [5, 1]), weight: one }));
    expect(rounded).toEqual([1, 1 + 2 ** -6, -1 - 2 ** -7, Infinity, NaN]);
  });

  test("is for f32 activations and bf16 weights", () => {
    const f32 = device.tensor(numbers(5, 8), [5, 8]);
    expect(() => linearBf16({ x, weight: f32 })).toThrow("linear.bf16: weight must be bf16, but is [5, 8] f32");
    expect(() => linearBf16({ x: weight, weight })).toThrow("linear.bf16: x must be f32, but is [5, 8] bf16");
  });

  test("is what the fused ops stand for", async () => {
    const [a, b, c] = [weightOf(4, 2), weightOf(2, 3), weightOf(4, 4)] as const;
    const results = linearsBf16({ x, a, b, c });
    expect(await Promise.all(results.map(read))).toEqual(
      await Promise.all([a, b, c].map((one) => read(linearBf16({ x, weight: one })))),
    );
    expect(await read(gatedLinearBf16({ x, gate: a, up: c }))).toEqual(
      await read(siluMul({ gate: linearBf16({ x, weight: a }), up: linearBf16({ x, weight: c }) })),
    );
  });

  test("is a layer's product only if it is told so", async () => {
    const layer = new Linear("head", weight);
    expect(await read(layer.product(x))).toEqual(await read(linear({ x, weight })));
    layer.rounding = "bf16";
    expect(await read(layer.product(x))).toEqual(await read(linearBf16({ x, weight })));
  });
});
