import { type Device } from "@whittle/core";
import { cpu, cuda, cudaInfo } from "@whittle/kernels";
import { afterEach, describe, test } from "vitest";

/** A native device to test on. */
export interface NativeKind {
  readonly name: "cpu" | "cuda" | "cuda-emulated";
  /** A device that is closed when the test ends. */
  readonly open: (options?: { memoryBytes?: number }) => Promise<Device>;
}

const opened: Device[] = [];

afterEach(async () => {
  for (const device of opened.splice(0)) await device.close();
});

const openers = {
  cpu,
  cuda,
  "cuda-emulated": (options?: { memoryBytes?: number }) => cuda({ ...options, emulated: true }),
};

function kindOf(name: NativeKind["name"]): NativeKind {
  return {
    name,
    async open(options) {
      const device = await openers[name](options);
      opened.push(device);
      return device;
    },
  };
}

const reasons = { cpu: undefined, cuda: cudaInfo().reason, "cuda-emulated": cudaInfo({ emulated: true }).reason };

export const gpus = ["cuda-emulated", "cuda"] as const;

/** Registers the same tests for each native device: the CPU, the emulated GPU where it is built, and a GPU where there is one. */
export function onEachDevice(
  body: (kind: NativeKind) => void,
  names: readonly NativeKind["name"][] = ["cpu", ...gpus],
): void {
  for (const name of names) {
    const reason = reasons[name];
    if (reason === undefined) describe(name, () => body(kindOf(name)));
    else test.skip(`${name}: ${reason}`, () => undefined);
  }
}
