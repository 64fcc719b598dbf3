import { describe, expect, test } from "vitest";
import { anyDType, attribute, defineOp, floats, ints, optional, weights } from "./define-op.js";
import { ShapeError } from "./errors.js";
import { add, linear } from "./ops/index.js";
import { reference } from "./reference-device.js";
import { like, type Tensor } from "./tensor.js";

const device = reference();
const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);

const scaled = defineOp({
  name: "scaled",
  args: {
    x: floats("rows", "columns"),
    bias: optional(weights("columns")),
    factor: attribute.number,
    times: attribute.integer,
    negative: attribute.boolean,
  },
  outputs: ({ x: input }) => [like(input)],
  reference({ x: input, bias, factor, times, negative }, [y]) {
    for (let i = 0; i < input.size(0); i++) {
      for (let j = 0; j < input.size(1); j++) {
        y.set((negative ? -1 : 1) * factor ** times * input.at(i, j) + (bias?.at(j) ?? 0), i, j);
      }
    }
  },
});

const attributes = { factor: 2, times: 2, negative: true };

describe("a call", () => {
  test("runs with and without its optional arguments", async () => {
    expect(await scaled({ x, ...attributes }).read()).toEqual(Float32Array.of(-4, -8, -12, -16, -20, -24));
    const bias = device.tensor([1, 1, 1], [3], "bf16");
    expect(await scaled({ x, bias, ...attributes }).read()).toEqual(Float32Array.of(-3, -7, -11, -15, -19, -23));
    expect(await scaled({ x, bias: undefined, ...attributes }).read()).toEqual(
      await scaled({ x, ...attributes }).read(),
    );
  });

  test("gives nothing, a tensor or a list, by the number of outputs", async () => {
    const count = (outputs: number) =>
      defineOp({
        name: "count",
        args: { x: floats("n"), log: ints("one") },
        outputs: ({ x: input }) => Array.from({ length: outputs }, () => like(input)),
        mutates: ["log"],
        reference({ log }, results) {
          log.set(log.at(0) + results.length + 1, 0);
        },
      });
    const log = device.tensor([0], [1], "i32");
    const one = device.tensor([1], [1]);
    expect(count(0)({ x: one, log })).toBeUndefined();
    expect((count(1)({ x: one, log }) as unknown as Tensor).shape).toEqual([1]);
    expect(count(2)({ x: one, log })).toHaveLength(2);
    expect(await log.read()).toEqual(Int32Array.of(1 + 2 + 3));
  });
});

describe("a wrong call names the op, the argument, what came and what was expected", () => {
  // What TypeScript would refuse too: the errors are for JavaScript.
  const wrong = (op: unknown, args: object) => () => (op as (args: object) => unknown)(args);

  test.each<[string, () => unknown, RegExp]>([
    ["missing tensor", wrong(scaled, attributes), /^scaled: x is missing$/],
    ["no tensor", wrong(scaled, { x: [1, 2], ...attributes }), /^scaled: x must be a tensor, but is object$/],
    [
      "dtype",
      wrong(scaled, { x: device.tensor([1], [1, 1], "i32"), ...attributes }),
      /^scaled: x must be f32, but is \[1, 1\] i32$/,
    ],
    [
      "dtype of several",
      wrong(scaled, { x, bias: device.tensor([1, 1, 1], [3], "u8"), ...attributes }),
      /^scaled: bias must be f32 or f16 or bf16, but is \[3\] u8$/,
    ],
    [
      "rank",
      wrong(scaled, { x: device.tensor([1], [1]), ...attributes }),
      /^scaled: x must be \[rows, columns\], but is \[1\] f32$/,
    ],
    [
      "size",
      wrong(scaled, { x, bias: device.tensor([1], [1]), ...attributes }),
      /^scaled: "columns" is 3 in x, but 1 in bias \(x \[2, 3\] f32, bias \[1\] f32\)$/,
    ],
    [
      "inner size",
      wrong(linear, { x, weight: device.tensor([1, 2, 3, 4], [1, 4], "bf16") }),
      /^linear: "in" is 3 in x, but 4 in weight \(x \[2, 3\] f32, weight \[1, 4\] bf16\)$/,
    ],
    ["number", wrong(scaled, { x, ...attributes, factor: "2" }), /^scaled: factor must be a number, but is 2$/],
    [
      "missing number",
      wrong(scaled, { x, times: 1, negative: true }),
      /^scaled: factor must be a number, but is undefined$/,
    ],
    ["integer", wrong(scaled, { x, ...attributes, times: 1.5 }), /^scaled: times must be an integer, but is 1.5$/],
    ["boolean", wrong(scaled, { x, ...attributes, negative: 1 }), /^scaled: negative must be true or false, but is 1$/],
    [
      "device",
      wrong(add, { a: x, b: reference().tensor([1], [1, 1]) }),
      /^add: b lives on another device \(reference\) than the arguments before it \(reference\)$/,
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });

  test("disposed", () => {
    const gone = device.tensor([1, 2, 3], [3]);
    gone.dispose();
    expect(wrong(scaled, { x, bias: gone, ...attributes })).toThrow(
      /^scaled: bias: the tensor \[3\] f32 was disposed$/,
    );
  });

  test("and leaves nothing allocated, nor does a shape rule that throws", () => {
    const refuses = defineOp({
      name: "refuses",
      args: { x: anyDType("rows", "columns") },
      outputs: () => {
        throw new ShapeError("refuses: never fits");
      },
      reference() {},
    });
    const before = device.memory().live;
    expect(wrong(refuses, { x })).toThrow("refuses: never fits");
    expect(wrong(add, { a: x, b: device })).toThrow(/b must be a tensor/);
    expect(device.memory().live).toBe(before);
  });
});

test("attributes before tensors are refused when the op is defined", () => {
  expect(() =>
    defineOp({
      name: "backwards",
      args: { factor: attribute.number, x: floats("n") },
      outputs: () => [],
      reference() {},
    }),
  ).toThrow("defineOp(backwards): tensors come before attributes");
});
