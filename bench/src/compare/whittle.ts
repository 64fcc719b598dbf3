import { batchSequences, promptTokens, rowCounts } from "./plan.js";
import { type WhittleSettings } from "./settings.js";
import { SideHandle } from "./side-handle.js";

const longest = 256;

/** Whittle with room for all rows of its curve. */
export function startWhittle(model: string, threads: number): Promise<SideHandle> {
  const sequences = Math.max(batchSequences, ...rowCounts);
  return start({
    model,
    threads,
    sequences,
    contextTokens: promptTokens + longest,
    cacheTokens: sequences * longest,
  });
}

/** With room for one sequence. */
export function startFreshWhittle(model: string, threads: number): Promise<SideHandle> {
  const contextTokens = promptTokens + longest;
  return start({ model, threads, sequences: 1, contextTokens, cacheTokens: contextTokens });
}

function start(settings: WhittleSettings): Promise<SideHandle> {
  return SideHandle.start("whittle", settings);
}
