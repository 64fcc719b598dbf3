import { batchSequences, type Effort, promptTokens, type VersusName } from "../plan.js";
import { type LlamaCppContext } from "../settings.js";

/**
 * How llama.cpp may run: its threads, with and without flash attention. The fastest is what counts, since which one that is depends on shape, format and machine.
 */
export function llamaCppWays(work: VersusName, { peerThreads }: Effort): LlamaCppContext[] {
  const sizes =
    work === "batch"
      ? { sequences: batchSequences, contextTokens: 256 }
      : { sequences: 1, contextTokens: promptTokens + 256 };
  return peerThreads.flatMap((threads) =>
    [true, false].map((flashAttention) => ({
      name: `${work === "batch" ? "batch, " : ""}${threads} thread${threads > 1 ? "s" : ""}, ${flashAttention ? "flash" : "plain"} attention`,
      threads,
      flashAttention,
      ...sizes,
    })),
  );
}
