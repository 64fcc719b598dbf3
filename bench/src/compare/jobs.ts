import { type Answer, type Job, type Side } from "./side.js";

/** Ids below this are in every vocabulary here and mean plain bytes. */
const promptIds = 250;
let prompts = 0;

/** Another prompt at each call, from the first token on: no cache holds any of it. */
function freshPrompt(tokens: number): number[] {
  prompts++;
  return Array.from({ length: tokens }, (_, i) => ((prompts + i) * 7919 + i * i * prompts) % promptIds);
}

/** Does one job on a side: the same code, and so the same clock, for all of them. */
export async function doJob(side: Side, job: Job): Promise<Answer> {
  switch (job.kind) {
    case "greedy": {
      const prompt = Array.from({ length: job.promptTokens }, (_, i) => (i * 37 + 11) % promptIds);
      const ids: number[] = [];
      for await (const id of side.stream(job.way, prompt, job.newTokens)) ids.push(id);
      return { ids };
    }
    case "prefill": {
      const start = performance.now();
      for (let time = 0; time < job.times; time++) {
        for await (const _ of side.stream(job.way, freshPrompt(job.promptTokens), 1)) break;
      }
      return { value: (performance.now() - start) / job.times };
    }
    case "decode":
      return { value: await decodeRate(side, job) };
  }
}

/** Tokens per second while all sequences decode: from when the last of them has its first token to when the first of them has its last. */
async function decodeRate(side: Side, job: Extract<Job, { kind: "decode" }>): Promise<number> {
  let started = 0;
  let beginMs: number | undefined;
  let endMs: number | undefined;
  let tokens = 0;
  const follow = async (): Promise<void> => {
    let made = 0;
    for await (const _ of side.stream(job.way, freshPrompt(job.promptTokens), job.newTokens)) {
      if (beginMs !== undefined && endMs === undefined) tokens++;
      if (++made === 1 && ++started === job.sequences) beginMs = performance.now();
      if (made === job.newTokens) endMs ??= performance.now();
    }
  };
  await Promise.all(Array.from({ length: job.sequences }, follow));
  return (tokens * 1e3) / (endMs! - beginMs!);
}
