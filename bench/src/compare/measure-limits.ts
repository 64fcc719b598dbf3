import { statSync } from "node:fs";
import { type Device } from "@whittle/core";
import { limitsOf } from "../kernels/limits.js";
import { interleaved } from "../shared/interleaved.js";
import { type Limits } from "./side.js";

const columns = 4096;
/** What `kernels` calls each of them. */
const names = {
  readGBps: "read",
  multiplyAddGflops: "f32 multiply-add from L1",
  dotCodesGops: "8-bit codes",
} as const satisfies Record<keyof Limits, string>;

/** Measures the machine's limits on a device's threads; reading is of a model's file, mapped as its weights are. */
export async function limitsWith(device: Device, threads: number, file: string): Promise<() => Promise<Limits>> {
  const rows = Math.floor(statSync(file).size / columns / 4);
  const limits = limitsOf(device, threads, await device.map(file, 0, "f32", [rows, columns]));
  return async () => {
    const times = await interleaved(limits, 3);
    const rate = (key: keyof Limits) => {
      const limit = limits.find(({ name }) => name.startsWith(names[key]))!;
      return limit.figure(times.get(limit.name)!);
    };
    return {
      readGBps: rate("readGBps"),
      multiplyAddGflops: rate("multiplyAddGflops"),
      dotCodesGops: rate("dotCodesGops"),
    };
  };
}
