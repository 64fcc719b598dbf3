import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler, listen } from "@whittle/serving";
import { measured } from "./measured-process.js";

/** Serves a model on a free port until the parent lets go. */
export async function serverProcess(folder: string): Promise<void> {
  const device = await cpu();
  const model = await loadModel(folder, { device });
  const engine = createEngine({ model });
  const server = await listen({ handler: createHandler(engine), port: 0 });
  await measured({ url: server.url, model: engine.name });
  await server.close({ graceMs: 0 });
  await engine.close({ abort: true });
  await device.close();
}
