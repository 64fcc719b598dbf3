import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { WhittleError } from "@whittle/core";

declare const handleBrand: unique symbol;

/** A native device, opaque to JavaScript. */
export interface DeviceHandle {
  readonly [handleBrand]: true;
}

/** Reads that have ended: `[ticket, op or null, reason or null, …]`. */
export type FinishedReads = (number | string | null)[];

/** The addon's functions; their C++ is `src/addon/addon.cpp`. Addresses are numbers (they fit into 53 bits). */
export interface Addon {
  readonly interfaceVersion: number;
  /** Instruction sets by number; null where this machine cannot run one. */
  readonly isas: readonly (string | null)[];
  /** The number of the one to take unless another is asked for. */
  readonly bestIsa: number;
  open(isa: number, threads: number, words: Float64Array, onReads: (reads: FinishedReads) => void): DeviceHandle;
  /** Opens a device of the shared object `library`. */
  openCuda(library: string, device: number, words: Float64Array, onReads: (reads: FinishedReads) => void): DeviceHandle;
  /** The devices that the shared object `library` finds; throws with the reason when it cannot look. */
  cudaDevices(library: string): CudaDeviceInfo[];
  /** Bytes of a device's memory that nobody has taken now. */
  cudaFreeBytes(library: string, device: number): number;
  /** The op of each kernel, by its number. */
  kernels(handle: DeviceHandle): string[];
  /** Queues the first `count` words of the command buffer. */
  flush(handle: DeviceHandle, count: number): void;
  /** As `flush`; the last command is a read into `destination`. */
  read(handle: DeviceHandle, count: number, destination: ArrayBuffer): void;
  /** As `flush`, then a write of any size. */
  write(handle: DeviceHandle, count: number, address: number, bytes: Uint8Array): void;
  /** An address, or 0 when the system refuses. */
  allocate(handle: DeviceHandle, bytes: number): number;
  /** So much of what was allocated is on its way back to the system. */
  released(handle: DeviceHandle, bytes: number): void;
  /** A whole file, read-only: an address, or 0 when the system refuses, or when device memory is not the host's. */
  mapFile(handle: DeviceHandle, descriptor: number, bytes: number): number;
  /** Ops (on CUDA devices: stretches of them) launched one by one; programs made; programs launched. */
  replayCounts(handle: DeviceHandle): [eager: number, captured: number, replayed: number];
  /** What kernels have cost, counted from the first call of this on. */
  kernelTimes(handle: DeviceHandle): [nanoseconds: number, calls: number];
  /** Whether the device takes the commands of programs. */
  keepsPrograms(handle: DeviceHandle): boolean;
  close(handle: DeviceHandle): void;
}

/** A CUDA device of this machine. */
export interface CudaDeviceInfo {
  readonly name: string;
  /** Compute capability, such as 9 for Hopper. */
  readonly capability: number;
  readonly memoryBytes: number;
}

const expectedInterface = 5;

/** The native addon cannot be loaded: says why and how to build it. */
export class AddonMissing extends WhittleError {
  constructor(reason: string) {
    super(
      "addon_missing",
      `@whittle/kernels: ${reason}; build the native addon with "npm explore @whittle/kernels -- npm run build:native"`,
    );
  }
}

let loaded: Addon | undefined;

/**
 * The addon built beside this package, or else a prebuilt package for this platform.
 * @throws AddonMissing
 */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  const built = () => fileURLToPath(new URL("../build/Release/whittle.node", import.meta.url));
  for (const placeOf of [built, prebuiltPackage]) {
    const place = placeOf();
    try {
      const addon = require(place) as Addon;
      if (addon.interfaceVersion === expectedInterface) return (loaded = addon);
      reasons.push(`${place} is of another version than this package`);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "MODULE_NOT_FOUND") reasons.push(`${place} cannot be loaded (${message})`);
    }
  }
  throw new AddonMissing(
    reasons.length > 0 ? reasons.join("; ") : `there is no native addon for ${process.platform} ${process.arch}`,
  );
}

/** `@whittle/kernels-linux-x64-gnu` */
function prebuiltPackage(): string {
  return `@whittle/kernels-${platformName()}`;
}

/** `linux-x64-gnu` */
export function platformName(): string {
  const { platform, arch } = process;
  return `${platform}-${arch}${platform === "linux" ? (usesGlibc() ? "-gnu" : "-musl") : ""}`;
}

function usesGlibc(): boolean {
  const report = process.report.getReport() as unknown as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}
