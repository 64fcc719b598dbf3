import { reference } from "@whittle/core";
import { expect, it } from "vitest";
import { describeQuantisation, weightLoading } from "./weights.js";

it("says how large quantised weights are and how far off, the worst first", () => {
  const site = (name: string, relativeError: number) => ({
    site: name,
    shape: [4, 64],
    relativeError,
    bytesBefore: 512,
    bytesAfter: 144,
  });
  const report = {
    dtype: "q4_0",
    sites: [site("layers.1.mlp.down", 0.1), site("head", 0.0512)],
    relativeError: 0.08,
    kept: [{ site: "layers.0.mlp.up", reason: "its rows have 40 elements, no multiple of 32" }],
  } as const;
  expect(describeQuantisation(report, true)).toBe(
    "2 weights as q4_0: 1.0 KiB in 288 B, error 8.00 % (largest: layers.1.mlp.down 10.00 %, head 5.12 %); " +
      "activations rounded to 8 bits (not with --exact-activations); " +
      "1 kept: layers.0.mlp.up, its rows have 40 elements, no multiple of 32",
  );
});

it("rounds activations where weights are quantised, unless told not to", () => {
  const device = reference();
  expect(weightLoading({}, device)).toEqual({ int8Activations: true });
  expect(weightLoading({ weights: "stored" }, device)).toEqual({ weights: "stored", int8Activations: true });
  expect(weightLoading({ weights: "q8_0" }, device)).toEqual({ weights: "q8_0", int8Activations: true });
  expect(weightLoading({ weights: "q8_0", exactActivations: true }, device)).toEqual({
    weights: "q8_0",
    int8Activations: false,
  });
  expect(weightLoading({ bf16Activations: true }, device)).toEqual({ int8Activations: true, bf16Activations: true });
});
