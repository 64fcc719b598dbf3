import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cpu, cuda } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler, listen, withAccess } from "@whittle/serving";
import { pageConfig } from "./page-config.js";
import { pageFiles } from "./page-files.js";
import { StatsFeed } from "./stats-feed.js";

const usage = [
  "usage: npm start -- [--port N] [--device NAME]",
  "  --port     default: 8000, or a free one where that is taken; 0: any free one",
  "  --device   cpu (default), cuda or cuda:<index>",
].join("\n");
// From dist/, where this runs.
const modelFolder = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const pageFolder = fileURLToPath(new URL("page", import.meta.url));

async function main(): Promise<void> {
  const { port, gpu } = readOptions();
  const device = gpu === undefined ? await cpu() : await cuda({ device: gpu });
  const model = await loadModel(modelFolder, { device });
  const engine = createEngine({ model, onEvent: (event) => stats.onEvent(event) });
  const stats = new StatsFeed(engine);

  // What is no file of the page is the API's to answer.
  const api = createHandler(engine, { onError: (error) => console.error(error) });
  const app = pageFiles(pageFolder);
  app.get("/page/config", () => Response.json(pageConfig(engine)));
  app.get("/page/stats", () => stats.response());
  app.notFound(({ req }) => api(req.raw));
  // The page and what it asks for are as closed to pages from elsewhere as the API is.
  const handler = withAccess(async (request) => app.fetch(request));
  const listening = await listen({ handler, port, fallback: true });

  if (port !== 0 && listening.port !== port) console.log(`Port ${port} is taken.`);
  console.log(`${engine.name} is ready, for texts of up to ${engine.contextLength} tokens. Ctrl-C stops it.\n`);
  console.log(`  ${listening.url}\n`);
  const request = JSON.stringify({ model: engine.name, prompt: "It was a dark night", max_tokens: 100, stream: true });
  console.log(`curl -N ${listening.url}/v1/completions -H 'content-type: application/json' -d '${request}'`);

  await firstSignal();
  stats.close();
  await listening.close();
  await api.close();
  await engine.close();
  await device.close();
}

/** @throws TypeError saying what is wrong with the arguments. */
function readOptions(): { port: number; gpu: number | undefined } {
  const { values } = parseArgs({ options: { port: { type: "string" }, device: { type: "string" } } });
  const { port = "8000", device = "cpu" } = values;
  if (!(/^\d+$/.test(port) && Number(port) <= 65_535))
    throw new TypeError(`--port must be a whole number from 0 to 65535, but is "${port}"`);
  const cudaName = /^cuda(?::(\d+))?$/.exec(device);
  if (device !== "cpu" && !cudaName)
    throw new TypeError(`--device must be cpu, cuda or cuda:<index>, but is "${device}"`);
  return { port: Number(port), gpu: cudaName ? Number(cudaName[1] ?? 0) : undefined };
}

/** Resolves at the first Ctrl-C or SIGTERM. A second one then ends the process at once, as it does by default. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      resolve();
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof TypeError) console.error(usage);
  process.exitCode = 1;
}
