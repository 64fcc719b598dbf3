export { AddonMissing } from "./addon.js";
export { cpu, cpuInfo, type CpuInfo, type CpuOptions } from "./cpu.js";
export { failCall } from "./fail-call.js";
