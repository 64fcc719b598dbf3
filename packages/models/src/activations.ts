import { type ActivationDType, ArgumentError, type Device, type DType, isBlockDType } from "@whittle/core";

/** What a model of these weights computes in if nobody says: f32 where the device prefers it, else what most of the weights are. Blocks count as bf16, which has the range of f32. */
export function preferredActivations(
  device: Device,
  weights: Iterable<{ readonly dtype?: DType; readonly bytes: number }>,
): ActivationDType {
  if (device.preferredActivations === "f32") return "f32";
  const sums = { f32: 0, bf16: 0, f16: 0 };
  for (const { dtype, bytes } of weights) {
    if (dtype === "f32" || dtype === "f16") sums[dtype] += bytes;
    else if (dtype === "bf16" || (dtype !== undefined && isBlockDType(dtype))) sums.bf16 += bytes;
  }
  const most = Math.max(...Object.values(sums));
  return device.activationDTypes.find((dtype) => sums[dtype] === most) ?? "f32";
}

/** @throws ArgumentError if the device has no kernels for them. */
export function requireActivations(device: Device, activations: ActivationDType): void {
  if (!device.activationDTypes.includes(activations))
    throw new ArgumentError(
      `activations: the device "${device.name}" computes in ${device.activationDTypes.join(" or ")}, not in ${activations}`,
    );
}
