import {
  activationDTypes,
  activations,
  add,
  argmax,
  defineOp,
  type Device,
  floats,
  like,
  linear,
  reference,
  rmsNorm,
  roundingBound,
  sumBound,
  weights,
} from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tolerance } from "./tolerance.js";
import { complaints, drawCase, from, sizes, type Candidate, type Spec } from "./index.js";

const spec: Spec = { rows: sizes(5, 9), in: sizes(33, 64), out: sizes(7) };

/** All complaints over some cases. */
async function harness(
  op: Parameters<typeof drawCase>[0],
  over: Spec,
  candidates: readonly Candidate[],
  rowWise?: string,
): Promise<string[]> {
  const found: string[] = [];
  for (let index = 0; index < 8; index++)
    found.push(...(await complaints(drawCase(op, over, index, 1), candidates, { rowWise })));
  return found;
}

/** `linear` under its own name with another truth: what its kernel computes is then wrong. */
function wrongly(change: (sum: number, row: number, out: number, depth: number) => number) {
  return defineOp({
    name: "linear",
    args: {
      x: floats("rows", "in"),
      weight: weights("out", "in"),
      bias: { ...weights("out"), optional: true as const },
    },
    outputs: ({ x, weight }) => [{ shape: [x.shape[0]!, weight.shape[0]!], dtype: "f32" }],
    reference({ x, weight, bias }, [y]) {
      linear.reference({ x, weight, bias }, [y]);
      for (let row = 0; row < y.size(0); row++) {
        for (let out = 0; out < y.size(1); out++) y.set(change(y.at(row, out), row, out, x.size(1)), row, out);
      }
    },
    bound: (args, limits) => linear.bound!(args, limits, [limits[0]!]),
  });
}

describe("the conformance harness", () => {
  let device: Device;
  let candidates: Candidate[];
  beforeAll(async () => {
    device = await cpu({ memoryBytes: 2 ** 26 });
    candidates = [{ name: "cpu", family: "cpu", device }];
  });
  afterAll(() => device.close());

  it("finds nothing wrong with what is right", async () => {
    expect(await harness(linear, spec, candidates, "rows")).toEqual([]);
  });

  it.each([
    ["a wrong element", wrongly((sum, row, out) => (row === 4 && out === 6 ? sum + 1e-3 : sum))],
    ["a sign", wrongly((sum) => -sum)],
    ["an error of some units of the sum's terms", wrongly((sum) => sum * (1 + 2e-5))],
    ["NaN for zero", wrongly((sum) => (sum === 0 ? NaN : sum))],
    ["swapped outputs", wrongly((sum, _row, out) => sum + out)],
  ])("catches %s", async (_name, op) => {
    expect((await harness(op, spec, candidates)).join("\n")).toMatch(/output 0\[\d+, \d+\] is .*, expected/);
  });

  it("catches a result where there should be a failure", async () => {
    const op = Object.assign(defineOp({ ...argmaxParts(), reference: () => undefined }), {});
    const text = (await harness(op, { rows: sizes(3), columns: sizes(0) }, candidates)).join("\n");
    expect(text).toMatch(/gave argmax: row 0 holds no number .*, expected a result/);
  });

  it("catches bits that depend on the batch", async () => {
    // The reference device as candidate: an op whose rows feel how many there are, well within its bound.
    const op = defineOp({
      name: "feelsItsBatch",
      args: { x: floats("rows", "columns") },
      outputs: ({ x }) => [like(x)],
      reference({ x }, [y]) {
        for (let i = 0; i < x.size(0); i++)
          for (let j = 0; j < x.size(1); j++) y.set(x.at(i, j) * (1 + x.size(0) * 1e-6), i, j);
      },
      bound({ x }, [limit]) {
        for (let i = 0; i < x.size(0); i++)
          for (let j = 0; j < x.size(1); j++) limit!.set(sumBound(2, 100 * x.at(i, j)), i, j);
      },
    });
    const host = [{ name: "reference", family: "reference", device: reference() }];
    expect((await harness(op, { rows: sizes(6), columns: sizes(5) }, host, "rows")).join("\n")).toMatch(
      /give other bits alone than among all 6/,
    );
  });

  it("catches devices of one family that differ", async () => {
    const other: Candidate[] = [...candidates, { name: "other", family: "cpu", device: reference() }];
    const over: Spec = { rows: sizes(9), hidden: sizes(577), epsilon: from(() => 1e-5) };
    expect((await harness(rmsNorm, over, candidates)).join("\n")).toBe("");
    const wide: Spec = { rows: sizes(9), in: sizes(577), out: sizes(7) };
    expect((await harness(linear, wide, other)).join("\n")).toMatch(/other: linear.*its bits differ from those of cpu/);
  });
});

describe("16-bit activations", () => {
  /** A device that has them, and one op of its own that is slightly off. */
  const candidate = (): Candidate[] => [{ name: "reference", family: "reference", device: reference() }];
  const roundedTwice = (steps: number) =>
    defineOp({
      name: "roundedTwice",
      args: { x: activations("rows", "columns") },
      outputs: ({ x }) => [like(x)],
      reference({ x }, [y]) {
        for (let i = 0; i < x.size(0); i++) for (let j = 0; j < x.size(1); j++) y.set(x.at(i, j) / 3, i, j);
      },
      // Where the harness asks for the limits it gets those of the truth, and from here on the op is off.
      bound({ x }, [limit], [y]) {
        for (let i = 0; i < x.size(0); i++) {
          for (let j = 0; j < x.size(1); j++) {
            limit!.set(sumBound(1, Math.abs(x.at(i, j))), i, j);
            const step = roundingBound(x.dtype, y.at(i, j), 0);
            if (Number.isFinite(step)) y.set(y.at(i, j) + Math.sign(y.at(i, j)) * steps * step, i, j);
          }
        }
      },
    });

  it.each(["bf16", "f16"] as const)("may be off by one step of %s, and no further", async (dtype) => {
    const over: Spec = { rows: sizes(6), columns: sizes(50) };
    const found = async (steps: number) => {
      const all = await Promise.all(
        [0, 1, 4].map((index) =>
          complaints(drawCase(roundedTwice(steps), over, index, 1, { activations: [dtype] }), candidate(), {}),
        ),
      );
      return all.flat().join("\n");
    };
    expect(await found(0)).toBe("");
    expect(await found(1)).toBe("");
    expect(await found(2)).toMatch(/output 0\[\d+, \d+\] is .*, expected/);
  });

  it("are drawn by turns, one dtype in a case", () => {
    const drawn = [0, 1, 2, 3].map((index) => {
      const { tensors } = drawCase(add, { rows: sizes(1), columns: sizes(1) }, index, 1, {
        activations: activationDTypes,
      });
      return tensors.map((tensor) => tensor!.dtype).join("/");
    });
    expect(drawn).toEqual(["f32/f32", "bf16/bf16", "f16/f16", "f32/f32"]);
  });

  it.each([
    ["one step on top of the limit", "bf16", 1, 2 ** -9, true, 2 ** -7 + 2 ** -9],
    ["nothing where nothing is rounded", "bf16", 1, 0, true, 0],
    ["anything next to the end of the range", "f16", Infinity, 1, true, Infinity],
    ["an infinity alone where one went in", "f16", Infinity, 1, false, 0],
    ["NaN alone", "bf16", NaN, 1, true, 0],
    ["the reference's own rounding in f32", "f32", 1, 2 ** -20, true, 2 ** -20 + 2 ** -24],
    ["anything where the op says so", "f32", 1, Infinity, true, Infinity],
  ] as const)("allow %s", (_name, dtype, wanted, limit, finite, allowed) => {
    expect(tolerance(dtype, wanted, limit, finite)).toBe(allowed);
  });
});

function argmaxParts() {
  return { name: "argmax", args: argmax.args, outputs: argmax.outputs, bound: () => undefined } as const;
}
