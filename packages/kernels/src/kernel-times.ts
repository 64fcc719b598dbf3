import { ArgumentError, type Device } from "@whittle/core";

/** Time that a CPU device's queue has spent inside kernels, waiting for its workers included. */
export interface KernelTimes {
  readonly nanoseconds: number;
  /** Ops that ran. */
  readonly calls: number;
}

/**
 * For benches: what kernels have cost so far, as far as the queue has come. Counted from the first call of this on; from then on each op is timed, which
 * takes some 50 ns of it. Zeros on CUDA devices.
 * @throws ArgumentError if the device is not one of this package's.
 */
export function kernelTimes(device: Device): KernelTimes {
  if (!("kernelTimes" in device)) throw new ArgumentError(`kernelTimes: "${device.name}" is not a native device`);
  return (device as Device & { kernelTimes(): KernelTimes }).kernelTimes();
}
