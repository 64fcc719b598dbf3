import { ArgumentError, Linear, reference, UnsupportedOp } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { requireRounding, setRounding } from "./activation-rounding.js";

const device = reference();
const layer = (dtype: "f32" | "bf16" | "q8_0") =>
  new Linear(dtype, device.tensor(new Float32Array(64), [2, 32], dtype));
const roundingOf = (layers: readonly Linear[]) => layers.map(({ rounding }) => rounding);

describe("setRounding", () => {
  it("tells layers by their weights, and nothing unless asked", () => {
    const layers = [layer("f32"), layer("bf16"), layer("q8_0")];
    for (const [options, expected] of [
      [{}, ["none", "none", "none"]],
      [{ bf16Activations: true }, ["none", "bf16", "none"]],
      [{ int8Activations: true }, ["none", "none", "q8"]],
      [{ int8Activations: true, bf16Activations: true }, ["none", "bf16", "q8"]],
    ] as const) {
      setRounding(layers, options);
      expect(roundingOf(layers)).toEqual(expected);
    }
  });

  it("refuses to round to bf16 where no weights are", () => {
    expect(() => setRounding([layer("f32"), layer("q8_0"), layer("f32")], { bf16Activations: true })).toThrow(
      "loadModel: bf16Activations are for linear layers with bf16 weights, but this model's are f32, q8_0",
    );
  });
});

describe("requireRounding", () => {
  const lacking = (activationDTypes: ("f32" | "bf16")[]) =>
    Object.assign(reference(), { name: "plain", activationDTypes, supports: () => false });

  it("wants f32 activations", () => {
    for (const option of ["int8Activations", "bf16Activations"])
      expect(() => requireRounding({ [option]: true }, device, "bf16")).toThrow(
        `loadModel: ${option} need f32 activations, but the model computes in bf16`,
      );
    expect(() => requireRounding({ int8Activations: true, bf16Activations: true }, device, "f32")).not.toThrow();
    expect(() => requireRounding({}, lacking(["f32"]), "bf16")).not.toThrow();
  });

  it("says what a device without such products can do instead", () => {
    expect(() => requireRounding({ bf16Activations: true }, lacking(["f32"]), "f32")).toThrow(UnsupportedOp);
    const cuda = lacking(["f32", "bf16"]);
    expect(() => requireRounding({ bf16Activations: true }, cuda, "bf16")).toThrow(ArgumentError);
    expect(() => requireRounding({ bf16Activations: true }, cuda, "bf16")).toThrow(
      /the device "plain" has no kernel \(linear\.bf16\); it computes in bf16 throughout with activations "bf16"$/,
    );
  });
});
