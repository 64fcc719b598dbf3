import { type ShapeName } from "../shared/random-checkpoint.js";
import { median } from "../shared/statistics.js";
import { leastDecodeMs, leastPrefillMs } from "./fractions.js";
import {
  batchSequences,
  efforts,
  type Format,
  goalOf,
  promptTokens,
  rowCounts,
  rowsPrompt,
  shortPrompt,
  type VersusName,
} from "./plan.js";
import { type Rate, type Versus } from "./point.js";
import { type Job, type Limits } from "./side.js";
import { type SideHandle } from "./side-handle.js";
import { type Sides } from "./sides.js";
import { peerContexts } from "./ways.js";

/** Something that both sides can do. */
export interface Work {
  readonly name: VersusName;
  /** The peer's ways to do it. */
  readonly ways: readonly string[];
  readonly job: (way: string) => Extract<Job, { kind: "prefill" | "decode" }>;
  /** Tokens per second if the machine did nothing but what must be done. */
  readonly most: (limits: Limits) => number;
  readonly goal: number;
}

export function worksOf(shape: ShapeName, format: Format): Work[] {
  const { prefills, decodeTokens, batchTokens, times } = efforts[shape];
  const ways = (kind: "single" | "batch") => peerContexts(kind, efforts[shape]).map(({ name }) => name);
  const decode = (name: "decode" | "batch", sequences: number, newTokens: number): Work => ({
    name,
    ways: ways(name === "batch" ? "batch" : "single"),
    job: (way) => ({ kind: "decode", way, sequences, promptTokens: shortPrompt, newTokens, times }),
    most: (limits) => {
      const context = shortPrompt + newTokens / 2;
      return (sequences * 1e3) / leastDecodeMs(shape, format, { sequences, context }, limits);
    },
    goal: goalOf(name, shape, format),
  });
  return [
    {
      name: "prefill",
      ways: ways("single"),
      job: (way) => ({ kind: "prefill", way, promptTokens, times: prefills }),
      most: (limits) => (promptTokens * 1e3) / leastPrefillMs(shape, format, promptTokens, limits),
      goal: goalOf("prefill", shape, format),
    },
    decode("decode", 1, decodeTokens),
    decode("batch", batchSequences, batchTokens),
  ];
}

/** A first round warms both sides up and finds the peer's fastest way; then they take turns. Adds the limits of each round to `seen`. */
export async function measureVersus(
  { whittle, peer }: Sides,
  { ways, job, most, goal }: Work,
  rounds: number,
  seen: Limits[],
): Promise<Versus> {
  const run = async (side: SideHandle, way: string): Promise<number> => {
    const asked = job(way);
    if (asked.kind === "decode") return (await side.do<"decode">(asked)).tokensPerSecond;
    return (asked.promptTokens * 1e3) / (await side.do<"prefill">(asked)).ms;
  };
  const tried = new Map<string, number>();
  for (const way of ways) tried.set(way, await run(peer, way));
  const [way] = [...tried].reduce((best, each) => (each[1] > best[1] ? each : best));
  await run(whittle, way);
  const [ours, theirs, limits]: [number[], number[], Limits[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    theirs.push(await run(peer, way));
    ours.push(await run(whittle, way));
    limits.push(await whittle.do<"limits">({ kind: "limits" }));
  }
  seen.push(...limits);
  const [whittleRate, peerRate, mostRate] = [median(ours), median(theirs), median(limits.map(most))];
  return {
    whittle: { tokensPerSecond: whittleRate, fraction: whittleRate / mostRate },
    peer: { tokensPerSecond: peerRate, fraction: peerRate / mostRate, way },
    ratio: whittleRate / peerRate,
    goal,
  };
}

/** Our tokens per second, all sequences together, over the number of them. */
export async function measureCurve(
  whittle: SideHandle,
  shape: ShapeName,
  format: Format,
  rounds: number,
  seen: Limits[],
): Promise<(Rate & { rows: number })[]> {
  const { rowsTokens: newTokens } = efforts[shape];
  const rates = rowCounts.map(() => [] as number[]);
  const limits: Limits[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, sequences] of rowCounts.entries()) {
      const job = { kind: "decode", way: "", sequences, promptTokens: rowsPrompt, newTokens, times: 1 } as const;
      rates[i]!.push((await whittle.do<"decode">(job)).tokensPerSecond);
    }
    limits.push(await whittle.do<"limits">({ kind: "limits" }));
  }
  seen.push(...limits);
  return rowCounts.map((sequences, i) => {
    const context = rowsPrompt + newTokens / 2;
    const leastMs = median(limits.map((each) => leastDecodeMs(shape, format, { sequences, context }, each)));
    const tokensPerSecond = median(rates[i]!);
    return { rows: sequences, tokensPerSecond, fraction: (tokensPerSecond * leastMs) / (sequences * 1e3) };
  });
}
