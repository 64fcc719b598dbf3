import { type Effort, promptTokens, type VersusName } from "../plan.js";
import { type LlamaCppContext } from "../settings.js";
import { contextsFor } from "./contexts.js";

/**
 * How llama.cpp may run: its threads, with and without flash attention. The fastest is what counts, since which one that is depends on shape, format and machine.
 */
export function llamaCppWays(work: VersusName, effort: Effort): LlamaCppContext[] {
  const contextTokens = work === "batch" ? 256 : promptTokens + 256;
  return contextsFor(work, effort).flatMap((context) =>
    [true, false].map((flashAttention) => ({
      ...context,
      name: `${context.name}, ${flashAttention ? "flash" : "plain"} attention`,
      flashAttention,
      contextTokens,
    })),
  );
}
