import { ArgumentError, type Device } from "@whittle/core";

/**
 * For tests of recovery: makes one coming call of an op on a native device fail, in queue order, after `skip` calls that pass (default: 0).
 *
 * Its outputs and all that is derived from them then reject with `DeviceError`, as after a real failure.
 * @throws UnsupportedOp if the device has no kernel for the op; ArgumentError if the device is not one of this package's.
 */
export function failCall(device: Device, { op, skip = 0 }: { op: string; skip?: number }): void {
  if (!("failCall" in device)) throw new ArgumentError(`failCall: "${device.name}" is not a native device`);
  (device as Device & { failCall(op: string, skip: number): void }).failCall(op, skip);
}
