import { type Device } from "@whittle/core";
import { cpu, type CpuOptions } from "@whittle/kernels";
import { afterEach } from "vitest";

const opened: Device[] = [];

afterEach(async () => {
  for (const device of opened.splice(0)) await device.close();
});

/** A native device that is closed when the test ends. */
export async function openCpu(options?: CpuOptions): Promise<Device> {
  const device = await cpu(options);
  opened.push(device);
  return device;
}
