// Whittle's side of `compare`: `cpu()` through the engine, as its users have it.
// node whittle-process.js <settings as JSON>
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { limitsWith } from "./measure-limits.js";
import { serveJobs } from "./serve-jobs.js";
import { type WhittleSettings } from "./settings.js";
import { type Side } from "./side.js";

await serveJobs(await open(JSON.parse(process.argv[2]!) as WhittleSettings));

async function open({ model: file, threads, sequences, contextTokens, cacheTokens }: WhittleSettings): Promise<Side> {
  const device = await cpu({ threads });
  const model = await loadModel(file, { device, int8Activations: true });
  // Keys and values in f16, as node-llama-cpp has them.
  const bytesOfToken = model.model.shape.layers.reduce((sum, { kvHeads, headDim }) => sum + 4 * kvHeads * headDim, 0);
  const engine = createEngine({
    model,
    cache: floatCache({ dtype: "f16" }),
    // A step of 512 rows, as node-llama-cpp's batches have them.
    limits: {
      maxRows: 512,
      maxSequences: sequences,
      maxContext: contextTokens,
      cacheBytes: cacheTokens * bytesOfToken,
    },
  });
  let limits: ReturnType<typeof limitsWith> | undefined;
  return {
    async *stream(_way, prompt, count) {
      for await (const { tokens } of engine.generate({ prompt, maxTokens: count, temperature: 0, ignoreEos: true }))
        yield* tokens;
    },
    async gap(prompt) {
      const { logprobs } = await engine.complete({ prompt, maxTokens: 1, temperature: 0, logprobs: 2 });
      const [first, second] = logprobs![0]!.top;
      return first!.logprob - second!.logprob;
    },
    limits: () => (limits ??= limitsWith(device, threads, file)).then((measure) => measure()),
    async close() {
      await engine.close();
      model.dispose();
      await device.close();
    },
  };
}
