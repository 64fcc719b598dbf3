import { expect, test } from "vitest";
import { startProgram } from "../cli/whittle.js";

interface Outcome {
  drift: string[];
  statuses: Record<string, number>;
}

// `npm run bench -- fuzz` is the same with 100,000 requests.
test("whatever is asked of any endpoint, there is an answer or a clear error, and nothing is left behind", async () => {
  const { code, out, err } = await startProgram("bench/dist/fuzz.js", ["--cases", "3000", "--check"]).ended;
  expect(err).toBe("");
  const outcome = JSON.parse(out) as Outcome;
  // A field that the fuzzer does not draw, or that is no more.
  expect(outcome.drift).toEqual([]);
  expect(outcome).toMatchObject({ failedSteps: 0, left: { running: 0, waiting: 0, blocks: 0 } });
  // A fuzzer whose requests all fail, or all succeed, tests little.
  expect(outcome.statuses["200"]).toBeGreaterThan(800);
  expect(outcome.statuses["400"]).toBeGreaterThan(800);
  expect(code).toBe(0);
});
