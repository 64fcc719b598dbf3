import { ArgumentError, type Device } from "@whittle/core";

/** Stretches of ops between two reads or writes, by how a CUDA device has launched them. */
export interface ReplayCounts {
  /** One by one. */
  readonly eager: number;
  /** Made into a graph, since they came a second time. */
  readonly captured: number;
  /** As a graph. */
  readonly replayed: number;
}

/**
 * For tests and benches: how often a CUDA device could replay a graph so far.
 * @throws ArgumentError if the device is not one of `cuda()`.
 */
export function replayCounts(device: Device): ReplayCounts {
  if (!("replayCounts" in device)) throw new ArgumentError(`replayCounts: "${device.name}" is not a CUDA device`);
  return (device as Device & { replayCounts(): ReplayCounts }).replayCounts();
}
