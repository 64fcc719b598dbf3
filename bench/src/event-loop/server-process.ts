import { cpu, cuda } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler, listen } from "@whittle/serving";
import { measured } from "./measured-process.js";

/** Serves a model on a free port until the parent lets go. */
export async function serverProcess(
  folder: string,
  { on = "cpu", maxSequences = 32 }: { on?: "cpu" | "cuda"; maxSequences?: number } = {},
): Promise<void> {
  const device = await (on === "cuda" ? cuda() : cpu());
  const start = performance.now();
  const model = await loadModel(folder, { device });
  await device.sync();
  const loadMs = performance.now() - start;
  const engine = createEngine({ model, limits: { maxSequences } });
  const server = await listen({ handler: createHandler(engine), port: 0 });
  await measured({ url: server.url, model: engine.name, loadMs });
  await server.close({ graceMs: 0 });
  await engine.close({ abort: true });
  await device.close();
}
