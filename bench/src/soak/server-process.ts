import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler, listen } from "@whittle/serving";

/** What the server says of itself when it is asked. */
export interface ServerState {
  readonly rss: number;
  /** Bytes that JavaScript's objects take, garbage included. */
  readonly heap: number;
  readonly running: number;
  readonly waiting: number;
  readonly freeBlocks: number;
  readonly blocks: number;
  readonly preemptions: number;
  readonly failedSteps: number;
  readonly generatedTokens: number;
  /** Errors that were the server's own. */
  readonly errors: readonly string[];
}

const BLOCK_ROWS = 16;
/** Too little for as many requests as may run: some are preempted. */
const CACHE_SHARE = 0.07;
const MOST_SEQUENCES = 32;

/** Serves the embedded model on a free port, and says how it is whenever the parent asks, until it lets go. */
export async function serverProcess(): Promise<void> {
  const device = await cpu();
  const model = await loadModel(fileURLToPath(new URL("../../models/books-5m", import.meta.url)), { device });
  const { layers, kvHeads, headDim } = model.config;
  const rowBytes = 2 * 4 * layers * kvHeads * headDim;
  const cacheBytes = Math.floor(CACHE_SHARE * MOST_SEQUENCES * model.config.maxPositions) * rowBytes;
  const engine = createEngine({
    model,
    cache: floatCache({ blockSize: BLOCK_ROWS }),
    limits: { maxSequences: MOST_SEQUENCES, cacheBytes },
  });
  const errors: string[] = [];
  const handler = createHandler(engine, { onError: (error) => errors.push(String(error)) });
  const server = await listen({ handler, port: 0 });
  process.on("message", () => {
    const { running, waiting, blocks, preemptions, failedSteps, generatedTokens } = engine.stats();
    const memory = process.memoryUsage();
    const state: ServerState = {
      rss: memory.rss,
      heap: memory.heapUsed + memory.external,
      running,
      waiting,
      freeBlocks: blocks.free,
      blocks: blocks.total,
      preemptions,
      failedSteps,
      generatedTokens,
      errors,
    };
    process.send!(state);
  });
  process.send!({ url: server.url, model: engine.name });
  await once(process, "disconnect");
  await server.close({ graceMs: 0 });
  await engine.close({ abort: true });
  model.dispose();
  await device.close();
}
