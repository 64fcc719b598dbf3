import { type Device } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { loadModel, type LoadedModel } from "@whittle/models";
import { type ModelOptions } from "./model-options.js";
import { progressDisplay } from "./progress-display.js";
import { type Terminal } from "./terminal.js";

export interface OpenModel {
  readonly device: Device;
  readonly model: LoadedModel;
  /** Seconds from the call to a model that can be used. */
  readonly seconds: number;
}

/** Opens the native device as the command's options say. */
export function openDevice({ threads, memory }: ModelOptions): Promise<Device> {
  return cpu({ ...(threads !== undefined && { threads }), ...(memory !== undefined && { memoryBytes: memory }) });
}

/** Opens the native device and loads a model folder, drawing progress. Nothing stays open when it fails. */
export async function openModel(folder: string, options: ModelOptions, terminal: Terminal): Promise<OpenModel> {
  const startedAt = performance.now();
  const device = await openDevice(options);
  const progress = progressDisplay(terminal);
  try {
    const model = await loadModel(folder, { device, onProgress: progress.listener });
    return { device, model, seconds: (performance.now() - startedAt) / 1000 };
  } catch (error) {
    await device.close();
    throw error;
  } finally {
    progress.stop();
  }
}
