import { ArgumentError, type Device } from "@whittle/core";
import { type Addon, type CudaDeviceInfo, loadAddon } from "./addon.js";
import { CudaDevice } from "./cuda-device.js";
import { CudaMissing, findCudaLibrary } from "./cuda-library.js";

export interface CudaOptions {
  /** Index of the GPU, as `nvidia-smi` and CUDA_VISIBLE_DEVICES order them. Default: 0. */
  device?: number;
  /** Bytes that the device may take for tensors. Default: 90 % of what is free on the GPU now. */
  memoryBytes?: number;
  /** The device whose kernels run on the CPU, very slowly: for tests on machines without a GPU. Default: false. */
  emulated?: boolean;
}

/** What `cuda()` finds on this machine. */
export interface CudaInfo {
  readonly devices: readonly CudaDeviceInfo[];
  /** Why there is none; undefined if there are some. */
  readonly reason: string | undefined;
}

/** Share of what is free that a device takes at most by default: the rest is for working memory of ops, and other programs. */
const memoryShare = 0.9;

/**
 * The GPUs that `cuda()` can open; never fails because there is none.
 * @throws AddonMissing
 */
export function cudaInfo({ emulated = false }: Pick<CudaOptions, "emulated"> = {}): CudaInfo {
  const addon = loadAddon();
  try {
    return { devices: devicesOf(addon, findCudaLibrary(emulated)), reason: undefined };
  } catch (error) {
    return { devices: [], reason: (error as Error).message };
  }
}

/**
 * Opens a GPU: a queue whose thread puts ops into a stream. Activations may be f32, bf16 and f16.
 *
 * @throws AddonMissing if the native addon is not built; CudaMissing if the CUDA device is not built or there is no GPU or driver; ArgumentError if an option does not fit
 * this machine.
 * @example
 * const device = await cuda({ device: 0 });
 * const y = add({ a: device.tensor([1, 2], [1, 2]), b: device.tensor([3, 4], [1, 2]) });
 * console.log(await y.read()); // Float32Array [4, 6]
 * await device.close();
 */
export async function cuda(options: CudaOptions = {}): Promise<Device> {
  const { device = 0, emulated = false } = options;
  if (!(Number.isInteger(device) && device >= 0))
    throw new ArgumentError(`cuda: device must be a whole number >= 0, but is ${device}`);
  if (options.memoryBytes !== undefined && !(Number.isSafeInteger(options.memoryBytes) && options.memoryBytes >= 0))
    throw new ArgumentError(`cuda: memoryBytes must be a whole number >= 0, but is ${options.memoryBytes}`);
  const addon = loadAddon();
  const library = findCudaLibrary(emulated);
  const devices = devicesOf(addon, library);
  if (device >= devices.length) {
    const names = devices.map(({ name }, index) => `${index} (${name})`).join(", ");
    throw new ArgumentError(`cuda: there is no device ${device}; there are: ${names}`);
  }
  try {
    const memoryBytes = options.memoryBytes ?? Math.floor(memoryShare * addon.cudaFreeBytes(library, device));
    return new CudaDevice(addon, { library, device, memoryBytes });
  } catch (error) {
    throw new CudaMissing(`device ${device} cannot be opened: ${(error as Error).message}`);
  }
}

/** At least one. @throws CudaMissing */
function devicesOf(addon: Addon, library: string): CudaDeviceInfo[] {
  let devices: CudaDeviceInfo[];
  try {
    devices = addon.cudaDevices(library);
  } catch (error) {
    throw new CudaMissing(`${library} cannot be used: ${(error as Error).message}`);
  }
  if (devices.length === 0)
    throw new CudaMissing("there is no NVIDIA GPU here, or CUDA_VISIBLE_DEVICES hides it; use cpu() instead");
  return devices;
}
