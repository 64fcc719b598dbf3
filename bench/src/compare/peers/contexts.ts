import { batchSequences, type Effort, type VersusName } from "../plan.js";
import { type PeerContext } from "../settings.js";

/** What a peer may do a work in: a context for each number of threads that is worth trying. */
export function contextsFor(work: VersusName, { peerThreads }: Effort): PeerContext[] {
  return peerThreads.map((threads) => ({
    name: `${work === "batch" ? "batch, " : ""}${threads} thread${threads > 1 ? "s" : ""}`,
    threads,
    sequences: work === "batch" ? batchSequences : 1,
  }));
}

/** The contexts of these names, whatever work they are for: `decode` and `prefill` share theirs. */
export function contextsNamed<Context extends PeerContext>(
  names: readonly string[],
  contextsOf: (work: VersusName) => Context[],
): Context[] {
  return [...contextsOf("decode"), ...contextsOf("batch")].filter(({ name }) => names.includes(name));
}
