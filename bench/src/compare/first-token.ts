import { median } from "../shared/statistics.js";
import { type Peer, type PeerModel } from "./peers/peer.js";
import { promptTokens, shortPrompt } from "./plan.js";
import { type FreshStart } from "./point.js";
import { type Asked } from "./side.js";
import { startFreshWhittle } from "./whittle.js";

export interface FirstTokenOptions {
  readonly model: PeerModel;
  /** Whittle's. */
  readonly threads: number;
  readonly peer: Peer;
  /** How the peer runs. */
  readonly way: string;
}

/** A new process each time, both sides by turns; the file is in the system's cache. */
export async function measureFirstToken(
  { model, threads, peer, way }: FirstTokenOptions,
  rounds: number,
): Promise<{ whittle: FreshStart; peer: FreshStart }> {
  const found = { peer: [] as FreshStart[], whittle: [] as FreshStart[] };
  for (let round = 0; round < rounds; round++) {
    found.peer.push(await freshStart(() => peer.start(model, [way]), way));
    found.whittle.push(await freshStart(() => startFreshWhittle(model.file, threads), way));
  }
  const middle = (starts: readonly FreshStart[]): FreshStart => ({
    firstTokenMs: median(starts.map(({ firstTokenMs }) => firstTokenMs)),
    peakBytes: median(starts.map(({ peakBytes }) => peakBytes)),
  });
  return { whittle: middle(found.whittle), peer: middle(found.peer) };
}

async function freshStart(open: () => Promise<Asked>, way: string): Promise<FreshStart> {
  const start = performance.now();
  const side = await open();
  await side.do<"greedy">({ kind: "greedy", way, promptTokens: shortPrompt, newTokens: 1 });
  const firstTokenMs = performance.now() - start;
  await side.do<"prefill">({ kind: "prefill", way, promptTokens, times: 1 });
  await side.do<"decode">({
    kind: "decode",
    way,
    sequences: 1,
    promptTokens: shortPrompt,
    newTokens: 32,
    times: 1,
  });
  const { peakBytes } = await side.do<"memory">({ kind: "memory" });
  await side.stop();
  return { firstTokenMs, peakBytes };
}
