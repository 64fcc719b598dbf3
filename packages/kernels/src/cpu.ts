import { ArgumentError, type Device } from "@whittle/core";
import { loadAddon } from "./addon.js";
import { CpuDevice } from "./cpu-device.js";
import { defaultMemoryBytes, defaultThreads } from "./limits.js";

export interface CpuOptions {
  /** Threads that one op may use. Default: the physical cores that this process may use, within its cgroup's quota. */
  threads?: number;
  /** Bytes that the device may take for tensors; mapped files do not count. Default: 80 % of what the machine and the cgroup have available now. */
  memoryBytes?: number;
  /** Instruction set of the kernels, for tests: `baseline`, on x86-64 also `avx2`, `avxvnni`, `avx512`, `avx512bf16`, `amx`, on 64-bit Arm `dotprod`, `i8mm`. Default: the best this machine runs, but `amx`: its conformance suite has passed on played tiles alone, on no processor that has them. */
  isa?: string;
}

/** What `cpu()` finds on this machine. */
export interface CpuInfo {
  /** Instruction sets that run here, weakest first. */
  readonly isas: readonly string[];
  /** The one that `cpu()` takes unless another is asked for. */
  readonly isa: string;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** @throws AddonMissing */
export function cpuInfo(): CpuInfo {
  const addon = loadAddon();
  const isas = addon.isas.filter((name) => name !== null);
  return { isas, isa: addon.isas[addon.bestIsa]!, threads: defaultThreads(), memoryBytes: defaultMemoryBytes() };
}

/**
 * Opens the native CPU device: a queue with a thread of its own, whose loops share the process's worker threads.
 *
 * @throws AddonMissing if the native addon is not built; ArgumentError if an option does not fit this machine.
 * @example
 * const device = await cpu();
 * const y = add({ a: device.tensor([1, 2], [1, 2]), b: device.tensor([3, 4], [1, 2]) });
 * console.log(await y.read()); // Float32Array [4, 6]
 * await device.close();
 */
export async function cpu(options: CpuOptions = {}): Promise<Device> {
  const addon = loadAddon();
  const available = addon.isas.filter((name) => name !== null);
  const { threads = defaultThreads(), memoryBytes = defaultMemoryBytes(), isa = addon.isas[addon.bestIsa]! } = options;
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 1024))
    throw new ArgumentError(`cpu: threads must be a whole number from 1 to 1024, but is ${threads}`);
  if (!(Number.isSafeInteger(memoryBytes) && memoryBytes >= 0))
    throw new ArgumentError(`cpu: memoryBytes must be a whole number >= 0, but is ${memoryBytes}`);
  if (!available.includes(isa))
    throw new ArgumentError(`cpu: the instruction set "${isa}" does not run here; these do: ${available.join(", ")}`);
  return new CpuDevice(addon, { isa: addon.isas.indexOf(isa), threads, memoryBytes });
}
