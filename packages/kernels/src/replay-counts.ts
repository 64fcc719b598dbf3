import { ArgumentError, type Device } from "@whittle/core";

/** What a native device has run, by how. On CUDA devices, which find out for themselves what comes again: stretches of ops between two reads or writes. */
export interface ReplayCounts {
  /** Ops (stretches, on CUDA devices) that were recorded and run one by one. */
  readonly eager: number;
  /** Programs (graphs) made. */
  readonly captured: number;
  /** Runs of programs (graphs). */
  readonly replayed: number;
}

/**
 * For tests and benches: how often a native device could replay so far, as far as its queue has come.
 * @throws ArgumentError if the device is not one of this package's.
 */
export function replayCounts(device: Device): ReplayCounts {
  if (!("replayCounts" in device)) throw new ArgumentError(`replayCounts: "${device.name}" is not a native device`);
  return (device as Device & { replayCounts(): ReplayCounts }).replayCounts();
}
