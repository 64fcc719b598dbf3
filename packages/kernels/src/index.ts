export { AddonMissing, type CudaDeviceInfo } from "./addon.js";
export { cpu, cpuInfo, type CpuInfo, type CpuOptions } from "./cpu.js";
export { cuda, cudaInfo, type CudaInfo, type CudaOptions } from "./cuda.js";
export { CudaMissing } from "./cuda-library.js";
export { failCall } from "./fail-call.js";
export { kernelTimes, type KernelTimes } from "./kernel-times.js";
export { replayCounts, type ReplayCounts } from "./replay-counts.js";
