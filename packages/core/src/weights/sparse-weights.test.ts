import { describe, expect, test } from "vitest";
import { bytesOf, decode, encode } from "../dtypes.js";
import { linear } from "../ops/linear.js";
import { philox, uniform } from "../philox.js";
import { reference } from "../reference-device.js";
import { elementsOf } from "../shape.js";
import { sparse24 } from "./sparse-24.js";
import { type HostPart } from "./sparse-format.js";
import { sparseMask } from "./sparse-mask.js";
import { packSparse, sparseWeight, unpackSparse } from "./sparse-weight.js";
import { disposeWeight, weightBytes } from "./weight.js";

/** A matrix of which two elements of each four are zero, or one that has `share` of its elements. */
function matrixOf(dtype: "f32" | "f16" | "bf16", [out, columns]: readonly [number, number], share?: number): HostPart {
  const values = Float32Array.from({ length: out * columns }, (_, i) => {
    const [word, other] = philox([i, 0, 0, 0], [3, 4]);
    const [pair] = philox([Math.floor(i / columns), (i % columns) >> 2, 1, 0], [3, 4]);
    const first = pair & 3;
    const second = (first + 1 + ((pair >>> 2) % 3)) & 3;
    const place = (i % columns) & 3;
    const keeps = share === undefined ? place === first || place === second : uniform(other) < share;
    return keeps ? 2 * uniform(word) - 1 : 0;
  });
  return { dtype, shape: [out, columns], bytes: encode(dtype, values).slice() };
}

const shapes = [
  [3, 8],
  [5, 100],
  [2, 33],
  [4, 1],
  [0, 8],
  [3, 0],
] as const;

describe.each(["f32", "f16", "bf16"] as const)("sparse weights of %s", (dtype) => {
  test.each(shapes)("[%d, %d] comes back bit for bit, and counts as many bytes as the format says", (out, columns) => {
    const pairs = matrixOf(dtype, [out, columns]);
    const groups = Math.ceil(columns / 4);
    const packed24 = packSparse(sparse24, pairs);
    expect(unpackSparse(sparse24, packed24, pairs.shape)).toEqual(pairs);
    expect(sparse24.complaint(packed24, pairs.shape)).toBeUndefined();
    expect(bytesIn(packed24)).toBe(out * (2 * groups * bytesOf(dtype) + Math.ceil(groups / 2)));
    const any = matrixOf(dtype, [out, columns], 0.3);
    const kept = decode(dtype, any.bytes).filter((value) => value !== 0).length;
    const masked = packSparse(sparseMask, any);
    expect(unpackSparse(sparseMask, masked, any.shape)).toEqual(any);
    expect(sparseMask.complaint(masked, any.shape)).toBeUndefined();
    expect(bytesIn(masked)).toBe(kept * bytesOf(dtype) + out * (Math.ceil(columns / 8) + 4));
  });

  test.each([sparse24, sparseMask])("a product is that of the matrix ($name)", async (format) => {
    const device = reference();
    const matrix = matrixOf(dtype, [7, 70]);
    const x = device.tensor(
      Float32Array.from({ length: 140 }, (_, i) => Math.sin(i)),
      [2, 70],
    );
    const bias = device.tensor(
      Float32Array.from({ length: 7 }, (_, i) => i),
      [7],
    );
    const weight = sparseWeight(device, format, packSparse(format, matrix), matrix.shape);
    expect(weightBytes(weight)).toBe(bytesIn(packSparse(format, matrix)));
    const dense = device.tensorFromBytes(matrix.bytes, matrix.shape, dtype);
    expect(await format.product(x, weight, bias, undefined).read()).toEqual(
      await linear({ x, weight: dense, bias }).read(),
    );
    const codes = packSparse(format, matrix, "i8");
    const decoded = unpackSparse(format, codes, matrix.shape);
    const coded = sparseWeight(device, format, codes, matrix.shape);
    const exact = device.tensorFromBytes(decoded.bytes, decoded.shape, decoded.dtype);
    expect(await format.product(x, coded, bias, undefined).read()).toEqual(
      await linear({ x, weight: exact, bias }).read(),
    );
    for (const one of [weight, coded]) disposeWeight(one);
    expect(Object.values(weight.parts).every(({ disposed }) => disposed)).toBe(true);
  });
});

test("codes are off by at most half a step of the largest element of their 64 columns", () => {
  const matrix = matrixOf("f32", [3, 150], 0.4);
  const [before, after] = [matrix, unpackSparse(sparseMask, packSparse(sparseMask, matrix, "i8"), matrix.shape)].map(
    ({ bytes }) => decode("f32", bytes),
  ) as [Float32Array, Float32Array];
  for (let i = 0; i < before.length; i++) {
    const from = i - ((i % 150) % 64);
    const largest = Math.max(...before.slice(from, Math.min(from + 64, i - (i % 150) + 150)).map(Math.abs));
    expect(Math.abs(before[i]! - after[i]!)).toBeLessThanOrEqual((largest / 127) * (0.5 + 127 * 2 ** -11));
  }
  expect(before.filter((value) => value === 0).length).toBeLessThanOrEqual(after.filter((value) => value === 0).length);
});

test("zeros of either sign are left out; what does not fit says where", () => {
  const matrix = { dtype: "f32", shape: [1, 4], bytes: encode("f32", [-0, 1, 0, -2]) } as const;
  expect([...decode("f32", unpackSparse(sparseMask, packSparse(sparseMask, matrix), [1, 4]).bytes)]).toEqual([
    0, 1, 0, -2,
  ]);
  const full = { ...matrix, shape: [2, 8], bytes: encode("f32", [0, 0, 0, 0, 1, 0, 2, 0, 0, 3, 0, 0, 4, 5, 6, 0]) };
  expect(() => packSparse(sparse24, full)).toThrow(
    /1 of 4 groups of 4 have more than 2 elements, the first in row 1, columns 4 to 7/,
  );
  expect(() => packSparse(sparse24, { ...matrix, dtype: "q8_0" })).toThrow(/not of q8_0/);
});

describe("parts that do not fit are refused", () => {
  const device = reference();
  const pairs = matrixOf("bf16", [4, 20]);
  const packed = packSparse(sparse24, pairs);
  const masked = packSparse(sparseMask, pairs);
  const changed = (parts: Readonly<Record<string, HostPart>>, name: string, change: Partial<HostPart>) => ({
    ...parts,
    [name]: { ...parts[name]!, ...change },
  });
  const withByte = (parts: Readonly<Record<string, HostPart>>, name: string, byte: number, value: number) => {
    const bytes = parts[name]!.bytes.slice();
    bytes[byte] = value;
    return changed(parts, name, { bytes });
  };
  test.each([
    [
      "indices out of order",
      sparse24,
      withByte(packed, "indices", 3, 0b0100_0001),
      /indices of row 1 do not ascend within group 0/,
    ],
    [
      "the same index twice",
      sparse24,
      withByte(packed, "indices", 0, 0b0101_0100),
      /indices of row 0 do not ascend within group 1/,
    ],
    [
      "indices past the end",
      sparse24,
      withByte(packed, "indices", 2, 0b0100_0100),
      /row 0 have bits past the last group/,
    ],
    [
      "values of another shape",
      sparse24,
      changed(packed, "values", { shape: [4, 8] }),
      /values are \[4, 8\], expected \[4, 10\]/,
    ],
    [
      "values of another dtype",
      sparse24,
      changed(packed, "values", { dtype: "i32" }),
      /values are i32, expected f32 or/,
    ],
    ["codes without scales", sparse24, changed(packed, "values", { dtype: "i8" }), /scales are missing/],
    ["scales without codes", sparse24, { ...packed, scales: packed["values"]! }, /which have no scales/],
    ["no indices", sparse24, { values: packed["values"]! }, /indices are missing/],
    [
      "a bit too many",
      sparseMask,
      withByte(masked, "mask", 0, 0xff),
      /row 1 begins at value 10, but the mask has \d+ bits/,
    ],
    [
      "a bit too many at the end",
      sparseMask,
      withByte(masked, "mask", 10, 0xff),
      /the mask has \d+ bits, but there are 40 values/,
    ],
    [
      "bits past the last column",
      sparseMask,
      withByte(masked, "mask", 2, 0xff),
      /the mask of row 0 has bits past its last column/,
    ],
    [
      "an offset that lies",
      sparseMask,
      withByte(masked, "offsets", 4, 200),
      /row 1 begins at value 200, but the mask has 10 bits/,
    ],
    ["no offsets", sparseMask, { values: masked["values"]!, mask: masked["mask"]! }, /offsets are missing/],
    ["values in rows", sparseMask, changed(masked, "values", { shape: [4, 10] }), /values are \[4, 10\]/],
  ] as const)("%s", (_, format, parts, message) => {
    expect(() => sparseWeight(device, format, parts as Readonly<Record<string, HostPart>>, pairs.shape)).toThrow(
      message,
    );
  });
});

function bytesIn(parts: Readonly<Record<string, HostPart>>): number {
  return Object.values(parts).reduce((sum, { dtype, shape, bytes }) => {
    expect(bytes.length).toBe(elementsOf(shape) * bytesOf(dtype));
    return sum + bytes.length;
  }, 0);
}
