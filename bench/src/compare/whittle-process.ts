// Whittle's side of `compare`: `cpu()` through the engine, as its users have it.
// node whittle-process.js <settings as JSON>
import { type BlockDType } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { serveJobs } from "./serve-jobs.js";
import { type Side } from "./side.js";

export interface WhittleSettings {
  readonly model: string;
  readonly blocks?: BlockDType;
  readonly threads: number;
  readonly sequences: number;
  /** Tokens that the cache has room for, of all sequences together. */
  readonly cacheTokens: number;
  readonly contextTokens: number;
}

const settings = JSON.parse(process.argv[2]!) as WhittleSettings;
await serveJobs(await open(settings));

async function open({ model: path, blocks, threads, sequences, cacheTokens, contextTokens }: WhittleSettings) {
  const device = await cpu({ threads });
  const model = await loadModel(path, { device, ...(blocks && { weights: blocks, int8Activations: true }) });
  const bytesOfToken = model.model.shape.layers.reduce((sum, { kvHeads, headDim }) => sum + 4 * kvHeads * headDim, 0);
  const engine = createEngine({
    model,
    cache: floatCache({ dtype: "f16" }),
    limits: {
      maxRows: 512,
      maxSequences: sequences,
      maxContext: contextTokens,
      cacheBytes: cacheTokens * bytesOfToken,
    },
  });
  return {
    async *stream(_way, prompt, count) {
      for await (const { tokens } of engine.generate({ prompt, maxTokens: count, temperature: 0, ignoreEos: true }))
        yield* tokens;
    },
    async close() {
      await engine.close();
      model.dispose();
      await device.close();
    },
  } satisfies Side;
}
