import { describe, expect, test } from "vitest";
import { add } from "./ops/index.js";
import { reference } from "./reference-device.js";
import { isTensor } from "./tensor.js";

const device = reference();
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const values = async (tensor: { read(): Promise<ArrayLike<number>> }) => Array.from(await tensor.read());

describe("views", () => {
  const x = device.tensor(numbers(24), [4, 6]);

  test("rows", async () => {
    expect(await values(x.rows(1, 3))).toEqual(numbers(24).slice(6, 18));
    expect(x.rows(2, 2).shape).toEqual([0, 6]);
    expect(await values(x.rows(1, 4).rows(1, 2))).toEqual([12, 13, 14, 15, 16, 17]);
  });

  test("columns lie apart", async () => {
    const middle = x.columns(2, 4);
    expect(middle.dense).toBe(false);
    expect(await values(middle)).toEqual([2, 3, 8, 9, 14, 15, 20, 21]);
    expect(await values(middle.columns(1, 2).rows(1, 3))).toEqual([9, 15]);
    // One row has no gap.
    expect(middle.rows(0, 1).dense).toBe(true);
  });

  test("reshape, of dense tensors and within the rows of others", async () => {
    expect(await values(x.reshape([2, 12]).rows(1, 2))).toEqual(numbers(24).slice(12));
    const heads = x.columns(2, 6).reshape([4, 2, 2]);
    expect(heads.rowStride).toBe(6);
    expect(await values(heads.rows(3, 4))).toEqual([20, 21, 22, 23]);
    expect(() => x.columns(2, 6).reshape([16])).toThrow(/reshape: \[4, 4\] f32 cannot be viewed as \[16\]/);
    expect(() => x.reshape([5, 5])).toThrow(/reshape: \[4, 6\] f32 cannot be viewed as \[5, 5\]/);
  });

  test.each([
    [() => x.rows(-1, 2), /rows\(-1, 2\): the tensor is \[4, 6\] f32/],
    [() => x.rows(3, 2), /rows\(3, 2\)/],
    [() => x.rows(0, 5), /rows\(0, 5\)/],
    [() => x.columns(0, 7), /columns\(0, 7\): the tensor is \[4, 6\] f32/],
    [() => device.tensor([1], [1]).columns(0, 1), /columns\(0, 1\): the tensor is \[1\] f32/],
  ])("beyond the tensor are refused", (view, message) => {
    expect(view).toThrow(message);
  });

  test("share memory: an op on a view sees what was written to the whole", async () => {
    const slot = device.slot([2, 2], "f32");
    const right = slot.tensor.columns(1, 2);
    slot.write([1, 2, 3, 4]);
    expect(await values(add({ a: right, b: right }))).toEqual([4, 8]);
  });
});

test("tensors are recognised by their brand, also those of another copy of the package", () => {
  expect(isTensor(device.tensor([1], [1]))).toBe(true);
  expect(isTensor({ shape: [1], dtype: "f32" })).toBe(false);
  expect(isTensor(undefined)).toBe(false);
  const foreign = Object.create({ [Symbol.for("whittle.tensor")]: true }) as unknown;
  expect(isTensor(foreign)).toBe(true);
});
