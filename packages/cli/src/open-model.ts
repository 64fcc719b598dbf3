import { ArgumentError, type Device, quantiseRows } from "@whittle/core";
import { cpu, cpuInfo, cuda, cudaInfo } from "@whittle/kernels";
import { loadModel, type LoadedModel } from "@whittle/models";
import { describeWeights } from "./describe-weights.js";
import { type ModelOptions } from "./model-options.js";
import { plural } from "./plural.js";
import { progressDisplay } from "./progress-display.js";
import { say, type Terminal } from "./terminal.js";
import { weightLoading } from "./weights.js";

export interface OpenModel {
  readonly device: Device;
  readonly model: LoadedModel;
  /** Seconds from the call to a model that can be used. */
  readonly seconds: number;
}

/** Opens the native device that the command's options name. @throws what `cpu()` or `cuda()` says is missing on this machine. */
export function openDevice({ device = "cpu", threads, memory }: ModelOptions): Promise<Device> {
  const budget = memory !== undefined && { memoryBytes: memory };
  if (device === "cpu") return cpu({ ...(threads !== undefined && { threads }), ...budget });
  if (threads !== undefined) throw new ArgumentError(`--threads is for the CPU, but --device is ${device}`);
  return cuda({ device: cudaIndex(device), ...budget });
}

/** What a log says of the device that `openDevice` has opened. */
export function describeDevice({ device = "cpu", threads }: ModelOptions): string {
  if (device !== "cpu") return `${device}, ${cudaInfo().devices[cudaIndex(device)]?.name ?? "a GPU"}`;
  const info = cpuInfo();
  return `${plural(threads ?? info.threads, "thread")}, ${info.isa}`;
}

/** `cuda` is the first. */
function cudaIndex(device: string): number {
  return Number(device.split(":")[1] ?? 0);
}

/** Opens the device and loads a model, drawing progress. Nothing stays open when it fails. */
export async function openModel(path: string, options: ModelOptions, terminal: Terminal): Promise<OpenModel> {
  const startedAt = performance.now();
  const device = await openDevice(options);
  const progress = progressDisplay(terminal);
  const { activations } = options;
  // A GPU has no kernels that quantise.
  const quantiseOn = device.supports(quantiseRows) || options.weights === undefined ? undefined : await cpu();
  try {
    const model = await loadModel(path, {
      device,
      ...(activations && { activations }),
      ...weightLoading(options, device),
      ...(quantiseOn && { quantiseOn }),
      onProgress: progress.listener,
    });
    progress.stop();
    for (const line of describeWeights(model)) say(terminal, line);
    return { device, model, seconds: (performance.now() - startedAt) / 1000 };
  } catch (error) {
    await device.close();
    throw error;
  } finally {
    await quantiseOn?.close();
    progress.stop();
  }
}
