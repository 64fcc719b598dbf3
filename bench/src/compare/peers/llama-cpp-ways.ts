import { execFileSync } from "node:child_process";
import { batchSequences, type Effort, promptTokens, type VersusName } from "../plan.js";
import { type PeerContext } from "../settings.js";

/**
 * How llama.cpp may run: its threads, with and without flash attention. The fastest is what counts, since which one that is depends on shape, format and machine.
 */
export function llamaCppWays(work: VersusName, { peerThreads }: Effort): PeerContext[] {
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

/**
 * A command that runs llama.cpp in the real-time class, where this user may. It starts its threads anew for each step and lets them wait for each other by spinning; on small
 * virtual machines Linux leaves two of them on one core, and a step of a small model then takes 15 times as long. The scheduler of the real-time class spreads them at once.
 */
export function realTimeLauncher(): string[] {
  const launcher = ["chrt", "--rr", "1"];
  try {
    execFileSync(launcher[0]!, [...launcher.slice(1), "true"], { stdio: "ignore" });
    return launcher;
  } catch {
    return [];
  }
}
