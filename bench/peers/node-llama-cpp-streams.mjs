// node-llama-cpp as the benchmarks use it: streams of greedy ids, in contexts of as many threads and sequences as asked for.
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

/**
 * Opens a model; `contexts` are `{ name, threads, sequences, contextTokens, flashAttention }`. A stream belongs to one context and takes a free sequence of it.
 */
export async function open(file, contexts) {
  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: 0 });
  const model = await llama.loadModel({ modelPath: file });
  const free = new Map();
  for (const { name, threads, sequences, contextTokens, flashAttention } of contexts) {
    const context = await model.createContext({ sequences, threads, contextSize: contextTokens, flashAttention });
    free.set(
      name,
      Array.from({ length: sequences }, () => context.getSequence()),
    );
  }
  return {
    async *stream(name, prompt, count) {
      const sequence = free.get(name).pop();
      if (!sequence) throw new Error(`node-llama-cpp: the context "${name}" has no free sequence`);
      try {
        // Each prompt is computed whole, whatever the sequence held before.
        await sequence.clearHistory();
        let made = 0;
        for await (const token of sequence.evaluate([...prompt], { temperature: 0, yieldEogToken: true })) {
          yield token;
          if (++made === count) break;
        }
      } finally {
        free.get(name).push(sequence);
      }
    },
    close: () => llama.dispose(),
  };
}
