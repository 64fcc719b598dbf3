import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { WhittleError } from "@whittle/core";
import { platformName } from "./addon.js";

/** CUDA cannot be used here: says why and what to do. */
export class CudaMissing extends WhittleError {
  constructor(reason: string) {
    super("cuda_missing", `cuda: ${reason}`);
  }
}

const howToBuild =
  'build it with "WHITTLE_CUDA=1 npm explore @whittle/kernels -- npm run build:native" (it needs NVIDIA\'s nvcc), or name one in WHITTLE_CUDA_LIBRARY';

/**
 * The shared object with the CUDA device: the one that WHITTLE_CUDA_LIBRARY names, else the one built beside this package, else a prebuilt package for this platform.
 * @throws CudaMissing
 */
export function findCudaLibrary(emulated: boolean): string {
  const named = process.env["WHITTLE_CUDA_LIBRARY"];
  if (named && !emulated) {
    if (existsSync(named)) return named;
    throw new CudaMissing(`WHITTLE_CUDA_LIBRARY names ${named}, which does not exist`);
  }
  const file = emulated ? "whittle-cuda-emulated.so" : "whittle-cuda.so";
  const built = fileURLToPath(new URL(`../build/Release/${file}`, import.meta.url));
  if (existsSync(built)) return built;
  if (emulated)
    throw new CudaMissing('the emulated device is not built; build it with "npm run build:test -w @whittle/kernels"');
  try {
    return createRequire(import.meta.url).resolve(`@whittle/kernels-cuda-${platformName()}/${file}`);
  } catch {
    throw new CudaMissing(`the CUDA device is not built; ${howToBuild}`);
  }
}
