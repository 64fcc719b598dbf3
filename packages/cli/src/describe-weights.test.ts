import { type ActivationRounding, Linear, reference } from "@whittle/core";
import { type LoadedModel } from "@whittle/models";
import { expect, it } from "vitest";
import { describeWeights } from "./describe-weights.js";

const device = reference();
const linear = (rounding: ActivationRounding, dtype: "f32" | "bf16" | "q8_0" | "q4_0") =>
  Object.assign(new Linear("x", device.tensor(new Float32Array(64), [2, 32], dtype)), { rounding });
const model = (linears: Linear[], more: Partial<LoadedModel> = {}) =>
  ({ model: { linears: new Map(linears.map((one, i) => [String(i), one])) }, conversions: [], ...more }) as LoadedModel;

it("says nothing of weights that are as they were stored", () => {
  expect(describeWeights(model([linear("none", "f32"), linear("none", "q8_0")]))).toEqual([]);
});

it("says what was converted, and that activations are rounded", () => {
  const conversions = [{ from: "q5_0", to: "q8_0", exact: true, tensors: 3 }] as const;
  expect(
    describeWeights(model([linear("q8", "q8_0"), linear("q8", "q4_0"), linear("none", "f32")], { conversions })),
  ).toEqual([
    "weights of types that no device computes with were converted: 3 of q5_0 as q8_0 (exactly)",
    "weights in q8_0, q4_0: activations rounded to 8 bits (not with --exact-activations)",
  ]);
});

it("says of quantised weights what their activations are in the same line", () => {
  const quantisation = { dtype: "q8_0", sites: [], relativeError: 0, kept: [] } as const;
  expect(describeWeights(model([linear("q8", "q8_0")], { quantisation }))).toEqual([
    expect.stringContaining("as q8_0: 0 B in 0 B, error 0.00 % (largest: none); activations rounded to 8 bits"),
  ]);
});

it("says that activations are rounded to bf16", () => {
  expect(describeWeights(model([linear("bf16", "bf16"), linear("bf16", "bf16"), linear("none", "f32")]))).toEqual([
    "2 weights in bf16: activations rounded to bf16 (--bf16-activations)",
  ]);
});
