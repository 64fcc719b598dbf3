import { expect, test } from "vitest";
import { startProgram } from "../cli/whittle.js";

interface Outcome {
  clients: Record<string, number>;
  tokens: number;
  preemptions: number;
  failedSteps: number;
  left: object;
  rssMiB: { growthInLastThird: number };
  faults: string[];
}

// `npm run bench -- soak` is the same for five minutes.
test("64 clients of every manner for 20 s: no crash, no leak, and whoever stays gets the text of a lone request", async () => {
  const { code, out, err } = await startProgram("bench/dist/soak.js", ["--seconds", "20", "--check"]).ended;
  expect(err).toBe("");
  const outcome = JSON.parse(out) as Outcome;
  expect(outcome.faults).toEqual([]);
  expect(outcome).toMatchObject({ failedSteps: 0, left: { running: 0, waiting: 0, blocks: 0 } });
  // They did all that there is to do, and the cache was too small for all of them.
  for (const [behaviour, count] of Object.entries(outcome.clients)) expect(count, behaviour).toBeGreaterThan(0);
  expect(outcome.preemptions).toBeGreaterThan(0);
  // In 20 s a heap still grows to its size; the five minutes show whether it stays there.
  expect(outcome.rssMiB.growthInLastThird).toBeLessThan(64);
  expect(code).toBe(0);
}, 180_000);
