import {
  type ActivationDType,
  ArgumentError,
  type Device,
  isBlockDType,
  isTensor,
  type Linear,
  linearBf16,
  linearQ8,
  UnsupportedOp,
} from "@whittle/core";

/** Which linear layers round what goes into them: see `LoadOptions`. */
export interface RoundingOptions {
  readonly int8Activations?: boolean;
  readonly bf16Activations?: boolean;
}

/** @throws ArgumentError if the model does not compute in f32; UnsupportedOp if the device has no such product. */
export function requireRounding(
  { int8Activations = false, bf16Activations = false }: RoundingOptions,
  device: Device,
  activations: ActivationDType,
): void {
  for (const [option, wanted, op] of [
    ["int8Activations", int8Activations, linearQ8],
    ["bf16Activations", bf16Activations, linearBf16],
  ] as const) {
    if (!wanted) continue;
    if (op === linearBf16 && !device.supports(op) && device.activationDTypes.includes("bf16"))
      throw new ArgumentError(
        `loadModel: bf16Activations round what goes into a product alone, for which the device "${device.name}" has no kernel (${op.name}); it computes in bf16 throughout with activations "bf16"`,
      );
    if (!device.supports(op)) throw new UnsupportedOp(op.name, device.name);
    if (activations !== "f32")
      throw new ArgumentError(`loadModel: ${option} need f32 activations, but the model computes in ${activations}`);
  }
}

/** Tells each layer how it rounds: by what its weight is. @throws ArgumentError if rounding to bf16 is asked for and no layer has bf16 weights. */
export function setRounding(
  linears: Iterable<Linear>,
  { int8Activations = false, bf16Activations = false }: RoundingOptions,
): void {
  const kinds = new Set<string>();
  for (const layer of linears) {
    const { weight } = layer;
    kinds.add(isTensor(weight) ? weight.dtype : weight.format.name);
    layer.rounding = "none";
    if (!isTensor(weight)) continue;
    if (int8Activations && isBlockDType(weight.dtype)) layer.rounding = "q8";
    if (bf16Activations && weight.dtype === "bf16") layer.rounding = "bf16";
  }
  if (bf16Activations && !kinds.has("bf16"))
    throw new ArgumentError(
      `loadModel: bf16Activations are for linear layers with bf16 weights, but this model's are ${[...kinds].join(", ")}`,
    );
}
