import { cpu, cuda } from "@whittle/kernels";

const openers = { cpu, cuda, "cuda-emulated": (options) => cuda({ ...options, emulated: true }) };

/** The native device that WHITTLE_TEST_DEVICE names; the CPU by default. */
export const open = openers[process.env.WHITTLE_TEST_DEVICE ?? "cpu"];
