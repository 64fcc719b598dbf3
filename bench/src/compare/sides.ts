import { type ShapeName } from "../shared/random-checkpoint.js";
import { type PeerContext, type PeerSettings, type WhittleSettings } from "./settings.js";
import { batchSequences, efforts, promptTokens, rowCounts } from "./plan.js";
import { SideHandle } from "./side-handle.js";
import { peerContexts, peerLauncher } from "./ways.js";

/** Both sides with the same file, each stopped unless it is asked for something. */
export interface Sides {
  readonly whittle: SideHandle;
  readonly peer: SideHandle;
}

/** Whittle with room for all rows of its curve, the peer with all its ways. */
export async function startSides(model: string, shape: ShapeName, threads: number): Promise<Sides> {
  const longest = 256;
  const sequences = Math.max(batchSequences, ...rowCounts);
  const contexts = [...peerContexts("single", efforts[shape]), ...peerContexts("batch", efforts[shape])];
  return {
    whittle: await startWhittle({
      model,
      threads,
      sequences,
      contextTokens: promptTokens + longest,
      cacheTokens: sequences * longest,
    }),
    peer: await startPeer({ model, contexts }),
  };
}

/** One side with room for one sequence; the peer runs in the way of `context`. */
export async function startFresh(
  side: keyof Sides,
  { model, threads, context }: { model: string; threads: number; context: PeerContext },
): Promise<SideHandle> {
  const { contextTokens } = context;
  return side === "peer"
    ? startPeer({ model, contexts: [context] })
    : startWhittle({ model, threads, sequences: 1, contextTokens, cacheTokens: contextTokens });
}

async function startWhittle(settings: WhittleSettings): Promise<SideHandle> {
  return SideHandle.start("whittle", settings);
}

async function startPeer(settings: PeerSettings): Promise<SideHandle> {
  return SideHandle.start("peer", settings, peerLauncher());
}
