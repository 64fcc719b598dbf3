import { type ActivationDType, type AttentionShape, bytesOf } from "@whittle/core";
import { formatBytes } from "../byte-size.js";

/** What one model's cache would need. */
export interface CacheNeed {
  readonly name: string;
  readonly bytesPerToken: number;
  /** Tokens that one request may have. */
  readonly context: number;
  readonly maxSequences: number;
}

/** What it gets, and the reason if that is less. */
export interface CachePlan {
  readonly bytes: number;
  /** Undefined: there is room for all requests at once, however long. */
  readonly limit: string | undefined;
}

/** Without being told, no cache takes more than this, unless a single request needs it. */
const modestBytes = 2 ** 30;
/** Blocks hold whole numbers of tokens. */
const roundTokens = 64;

/**
 * Shares memory out to the caches of several models: room for all of each one's requests at full length. Where that is more than half of what is free (the other half is for
 * everything else), each may have an equal part of that half, and what a small one leaves is for the others.
 *
 * @param chosen whether somebody said how much memory there is: then the caches may take their half of it, instead of a modest part of the machine's.
 */
export function planCaches(
  needs: readonly CacheNeed[],
  { free, chosen }: { free: number; chosen: boolean },
): CachePlan[] {
  const scarce = `half of the ${formatBytes(free)} that are free${needs.length > 1 ? ", shared out" : ""}`;
  const wanted = needs.map((need, index) => ({ index, ...wantedBytes(need, chosen) }));
  const plans: CachePlan[] = [];
  let left = Math.floor(free / 2);
  // The smallest first: what it leaves of its part is the others'.
  for (const [place, { index, bytes, limit }] of wanted.sort((a, b) => a.bytes - b.bytes).entries()) {
    const part = Math.floor(left / (needs.length - place));
    plans[index] = bytes <= part ? { bytes, limit } : { bytes: Math.max(1, part), limit: scarce };
    left -= plans[index].bytes;
  }
  return plans;
}

/** What a model would take if nobody else wanted any. */
function wantedBytes({ bytesPerToken, context, maxSequences }: CacheNeed, chosen: boolean): CachePlan {
  const one = Math.ceil(context / roundTokens) * roundTokens * bytesPerToken;
  const most = chosen ? Infinity : Math.max(modestBytes, one);
  if (one * maxSequences <= most) return { bytes: one * maxSequences, limit: undefined };
  return { bytes: most, limit: `at most ${formatBytes(modestBytes)} unless --memory is given` };
}

/** Bytes of keys and values for one token, stored in `cacheDtype` or as they are computed. */
export function tokenBytes(layers: readonly AttentionShape[], cacheDtype?: ActivationDType): number {
  return layers.reduce(
    (sum, { kvHeads, headDim, dtype = "f32" }) => sum + 2 * kvHeads * headDim * bytesOf(cacheDtype ?? dtype),
    0,
  );
}
