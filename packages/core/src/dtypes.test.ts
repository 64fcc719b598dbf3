import { describe, expect, test } from "vitest";
import { isBlockDType } from "./block-formats.js";
import { bytesOf, codecs, decode, type DType, encode } from "./dtypes.js";
import { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from "./half-precision.js";

const halves = { f16: [f16ToNumber, numberToF16], bf16: [bf16ToNumber, numberToBf16] } as const;

describe.each(["f16", "bf16"] as const)("%s", (dtype) => {
  const [toNumber, fromNumber] = halves[dtype];
  const infinity = dtype === "f16" ? 0x7c00 : 0x7f80;

  test("every bit pattern survives the way through a number", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = toNumber(bits);
      if ((bits & 0x7fff) > infinity) {
        expect(value).toBeNaN();
        expect(toNumber(fromNumber(value))).toBeNaN();
      } else if (fromNumber(value) !== bits) {
        expect.fail(`${bits.toString(16)} became ${value}, then ${fromNumber(value).toString(16)}`);
      }
    }
  });

  test("rounds to the nearest, halfway to even, on both sides of zero", () => {
    // Neighbours are neighbours in their bits too; after the largest number comes infinity.
    for (let bits = 0; bits < infinity; bits++) {
      const below = toNumber(bits);
      const above = bits + 1 === infinity ? 2 * below - toNumber(bits - 1) : toNumber(bits + 1);
      const middle = below / 2 + above / 2;
      const nudge = (above - below) * 2 ** -20;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const right =
        fromNumber(middle) === even &&
        fromNumber(middle - nudge) === bits &&
        fromNumber(middle + nudge) === bits + 1 &&
        fromNumber(-middle) === (even | 0x8000);
      if (!right) expect.fail(`around ${middle}, between ${below} and ${above}`);
    }
  });

  test("rounds once: a number just above a tie is not first rounded to the tie", () => {
    const tie = toNumber(0x3c00) / 2 + toNumber(0x3c01) / 2;
    expect(fromNumber(tie)).toBe(0x3c00);
    // Too close to the tie for f32 to tell them apart.
    expect(fromNumber(tie * (1 + 2 ** -40))).toBe(0x3c01);
  });
});

test("sizes and numbers of dtypes agree with their codecs", () => {
  for (const dtype of Object.keys(codecs) as DType[])
    expect(bytesOf(dtype)).toBe(codecs[dtype].bytes / codecs[dtype].elements);
  expect(Object.values(codecs).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("encode and decode are each other's inverse for what a dtype can hold", () => {
  for (const dtype of Object.keys(codecs) as DType[]) {
    if (isBlockDType(dtype)) continue;
    const values = dtype === "u8" ? [0, 1, 127, 255] : [0, 1, -2, 64, -128, 127];
    expect([...decode(dtype, encode(dtype, values))]).toEqual(values);
  }
  // Bytes that begin anywhere, as a slice of a file may.
  const shifted = new Uint8Array(9);
  shifted.set(encode("f32", [1.5, -2]), 1);
  expect(decode("f32", shifted.subarray(1))).toEqual(Float32Array.of(1.5, -2));
});

test("whole tensors become f16 as numbers one by one do", () => {
  // Every f16 number, what lies between neighbours, and what lies just beside that.
  const bits: number[] = [];
  for (let half = 0; half < 0x7c00; half++) {
    const [low, high] = [f16ToNumber(half), f16ToNumber(half + 1)];
    const middle = new Uint32Array(Float32Array.of(low, (low + Math.min(high, 65536)) / 2).buffer);
    for (const at of middle) bits.push(at, at + 1, Math.max(0, at - 1));
  }
  bits.push(0x7f800000, 0x7fc00000, 0x7f7fffff, 1, 0x33000000, 0x33000001, 0x00800000);
  const values = new Float32Array(Uint32Array.from(bits.flatMap((one) => [one, one | 0x80000000])).buffer);
  expect(Buffer.compare(encode("f16", values), encode("f16", Array.from(values)))).toBe(0);
});
