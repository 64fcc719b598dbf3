import { median } from "../shared/statistics.js";
import { type PeerContext } from "./settings.js";
import { promptTokens, shortPrompt } from "./plan.js";
import { type FreshStart } from "./point.js";
import { startFresh } from "./sides.js";

/** A new process each time, both sides by turns; the file is in the system's cache. */
export async function measureFirstToken(
  options: { readonly model: string; readonly threads: number; readonly context: PeerContext },
  rounds: number,
): Promise<{ whittle: FreshStart; peer: FreshStart }> {
  const found = { peer: [] as FreshStart[], whittle: [] as FreshStart[] };
  for (let round = 0; round < rounds; round++) {
    for (const side of ["peer", "whittle"] as const) {
      const start = performance.now();
      const handle = await startFresh(side, options);
      const { name: way } = options.context;
      await handle.do<"greedy">({ kind: "greedy", way, promptTokens: shortPrompt, newTokens: 1 });
      const firstTokenMs = performance.now() - start;
      await handle.do<"prefill">({ kind: "prefill", way, promptTokens, times: 1 });
      await handle.do<"decode">({
        kind: "decode",
        way,
        sequences: 1,
        promptTokens: shortPrompt,
        newTokens: 32,
        times: 1,
      });
      const { peakBytes } = await handle.do<"memory">({ kind: "memory" });
      await handle.stop();
      found[side].push({ firstTokenMs, peakBytes });
    }
  }
  const middle = (starts: readonly FreshStart[]): FreshStart => ({
    firstTokenMs: median(starts.map(({ firstTokenMs }) => firstTokenMs)),
    peakBytes: median(starts.map(({ peakBytes }) => peakBytes)),
  });
  return { whittle: middle(found.whittle), peer: middle(found.peer) };
}
