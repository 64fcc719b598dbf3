import { readFileSync } from "node:fs";
import { median } from "../shared/statistics.js";
import { type Answers, type Job, type Side } from "./side.js";

/** Ids below this are in every vocabulary here and mean plain bytes. */
const promptIds = 250;
let prompts = 0;

/** Another prompt at each call, from the first token on: no cache holds any of it. */
function freshPrompt(tokens: number): number[] {
  prompts++;
  return Array.from({ length: tokens }, (_, i) => ((prompts + i) * 7919 + i * i * prompts) % promptIds);
}

function knownPrompt(tokens: number): number[] {
  return Array.from({ length: tokens }, (_, i) => (i * 37 + 11) % promptIds);
}

/** Does one job on a side: the same code, and so the same clock, for all of them. */
export async function doJob(side: Side, job: Job): Promise<Answers[Job["kind"]]> {
  switch (job.kind) {
    case "greedy": {
      const ids: number[] = [];
      for await (const id of side.stream(job.way, knownPrompt(job.promptTokens), job.newTokens)) ids.push(id);
      return { ids };
    }
    case "gap":
      return { gap: await side.gap!([...knownPrompt(job.promptTokens), ...job.answered]) };
    case "prefill": {
      const times: number[] = [];
      for (let time = 0; time < job.times; time++) {
        const start = performance.now();
        for await (const _ of side.stream(job.way, freshPrompt(job.promptTokens), 1)) break;
        times.push(performance.now() - start);
      }
      // A mean would tell of the machine's other guests: one of these takes milliseconds.
      return { ms: median(times) };
    }
    case "decode": {
      const sum = { tokens: 0, ms: 0 };
      for (let time = 0; time < job.times; time++) {
        const { tokens, ms } = await decodeTogether(side, job);
        sum.tokens += tokens;
        sum.ms += ms;
      }
      return { tokensPerSecond: (sum.tokens * 1e3) / sum.ms };
    }
    case "limits":
      return side.limits!();
    case "memory":
      return { peakBytes: peakBytes() };
  }
}

/** Tokens made while all sequences decode: from when the last of them has its first token to when the first of them has its last. */
async function decodeTogether(
  side: Side,
  { way, sequences, promptTokens, newTokens }: Extract<Job, { kind: "decode" }>,
): Promise<{ tokens: number; ms: number }> {
  let started = 0;
  let beginMs: number | undefined;
  let endMs: number | undefined;
  let tokens = 0;
  const follow = async (): Promise<void> => {
    let made = 0;
    for await (const _ of side.stream(way, freshPrompt(promptTokens), newTokens)) {
      if (beginMs !== undefined && endMs === undefined) tokens++;
      if (++made === 1 && ++started === sequences) beginMs = performance.now();
      if (made === newTokens) endMs ??= performance.now();
    }
  };
  await Promise.all(Array.from({ length: sequences }, follow));
  return { tokens, ms: endMs! - beginMs! };
}

/** The high-water mark of this program's own memory, mapped files included. (`getrusage` counts that of the process that started it as well.) */
function peakBytes(): number {
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1];
  return Number(kib) * 1024;
}
