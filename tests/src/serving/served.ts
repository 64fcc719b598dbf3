import { fileURLToPath } from "node:url";
import { type Device } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import {
  createEngine,
  createHandler,
  type Engine,
  type EngineLimits,
  type HandlerOptions,
  listen,
  type Listening,
} from "@whittle/serving";

/** The embedded model behind a real port of this machine. */
export interface Served {
  readonly device: Device;
  readonly engine: Engine;
  readonly server: Listening;
  /** Errors that were the server's own. */
  readonly errors: unknown[];
  close(): Promise<void>;
}

export async function serveBooks(options: HandlerOptions = {}, limits: EngineLimits = {}): Promise<Served> {
  const device = await cpu();
  const model = await loadModel(fileURLToPath(new URL("../../../models/books-5m", import.meta.url)), { device });
  const engine = createEngine({ model, limits });
  const errors: unknown[] = [];
  const handler = createHandler(engine, { onError: (error) => errors.push(error), ...options });
  const server = await listen({ handler, port: 0 });
  return {
    device,
    engine,
    server,
    errors,
    async close() {
      await server.close({ graceMs: 1000 });
      await engine.close({ abort: true });
      model.dispose();
      await device.close();
    },
  };
}

export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...init,
  });
}

/** Until nothing runs and nothing waits; the steps that took. */
export async function settled(engine: Engine): Promise<number> {
  const { steps } = engine.stats();
  while (engine.stats().running + engine.stats().waiting > 0) await new Promise(setImmediate);
  return engine.stats().steps - steps;
}
