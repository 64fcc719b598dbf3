import { type ShapeName } from "../shared/random-checkpoint.js";
import { median } from "../shared/statistics.js";
import { leastDecodeMs, leastPrefillMs } from "./fractions.js";
import {
  batchSequences,
  efforts,
  type Format,
  promptTokens,
  rowCounts,
  rowsPrompt,
  shortPrompt,
  type VersusName,
} from "./plan.js";
import { type Rate, type Versus } from "./point.js";
import { type Asked, type Job, type Limits } from "./side.js";

/** Something that each side can do. */
export interface Work {
  readonly name: VersusName;
  readonly job: (way: string) => Extract<Job, { kind: "prefill" | "decode" }>;
  /** Tokens per second if the machine did nothing but what must be done. */
  readonly most: (limits: Limits) => number;
}

/** A peer with the model open; `goal` is what our tokens per second should be over its own. */
export interface Opponent {
  readonly name: string;
  readonly side: Asked;
  /** To do the work in. */
  readonly ways: readonly string[];
  readonly goal: number | undefined;
}

export function worksOf(shape: ShapeName, format: Format): Work[] {
  const { prefills, decodeTokens, batchTokens, times } = efforts[shape];
  const decode = (name: "decode" | "batch", sequences: number, newTokens: number): Work => ({
    name,
    job: (way) => ({ kind: "decode", way, sequences, promptTokens: shortPrompt, newTokens, times }),
    most: (limits) => {
      const context = shortPrompt + newTokens / 2;
      return (sequences * 1e3) / leastDecodeMs(shape, format, { sequences, context }, limits);
    },
  });
  return [
    {
      name: "prefill",
      job: (way) => ({ kind: "prefill", way, promptTokens, times: prefills }),
      most: (limits) => (promptTokens * 1e3) / leastPrefillMs(shape, format, promptTokens, limits),
    },
    decode("decode", 1, decodeTokens),
    decode("batch", batchSequences, batchTokens),
  ];
}

/** A first round warms all sides up and finds each peer's fastest way; then they take turns. Adds the limits of each round to `seen`. */
export async function measureVersus(
  whittle: Asked,
  opponents: readonly Opponent[],
  { job, most }: Work,
  rounds: number,
  seen: Limits[],
): Promise<Versus> {
  const run = async (side: Asked, way: string): Promise<number> => {
    const asked = job(way);
    if (asked.kind === "decode") return (await side.do<"decode">(asked)).tokensPerSecond;
    return (asked.promptTokens * 1e3) / (await side.do<"prefill">(asked)).ms;
  };
  const theirs: { opponent: Opponent; way: string; rates: number[] }[] = [];
  for (const opponent of opponents) {
    const tried: { way: string; rate: number }[] = [];
    for (const way of opponent.ways) tried.push({ way, rate: await run(opponent.side, way) });
    const { way } = tried.reduce((best, each) => (each.rate > best.rate ? each : best));
    theirs.push({ opponent, way, rates: [] });
  }
  await run(whittle, "");
  const ours: number[] = [];
  const limits: Limits[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const { opponent, way, rates } of theirs) rates.push(await run(opponent.side, way));
    ours.push(await run(whittle, ""));
    limits.push(await whittle.do<"limits">({ kind: "limits" }));
  }
  seen.push(...limits);
  const [rate, mostRate] = [median(ours), median(limits.map(most))];
  return {
    whittle: { tokensPerSecond: rate, fraction: rate / mostRate },
    peers: theirs.map(({ opponent: { name: peer, goal }, way, rates }) => {
      const tokensPerSecond = median(rates);
      const ratio = rate / tokensPerSecond;
      return { peer, tokensPerSecond, fraction: tokensPerSecond / mostRate, way, ratio, ...(goal && { goal }) };
    }),
  };
}

/** Our tokens per second, all sequences together, over the number of them. */
export async function measureCurve(
  whittle: Asked,
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
