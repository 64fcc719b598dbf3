// `npm run bench -- fuzz`: requests to every endpoint of the API, drawn from what each field may be and from what it may not: 100,000 of them. Each must have an answer or a clear error of
// the client's, the server must hear of no fault of its own, and nothing may be left behind. Fails otherwise, with the request that did it.
// Options: --cases 100000, --seed 1, --check (prints the outcome as one line of JSON and writes no results).
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler } from "@whittle/serving";
import * as fc from "fast-check";
import { check } from "./fuzz/check.js";
import { fieldDrift } from "./fuzz/field-drift.js";
import { fuzzedRequests } from "./fuzz/requests.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    check: { type: "boolean", default: false },
  },
});
const [cases, seed] = [Number(values.cases), Number(values.seed)];
/** Requests at once: they meet in the engine's steps. */
const TOGETHER = 8;
const REPORT_EVERY = 10_000;

const device = await cpu();
const model = await loadModel(fileURLToPath(new URL("../../models/books-5m", import.meta.url)), { device });
const engine = createEngine({ model });
const faults: unknown[] = [];
const handler = createHandler(engine, { onError: (error) => faults.push(error) });
const statuses: Record<string, number> = {};
const startedAt = performance.now();

for (let done = 0; done < cases;) {
  const requests = fc.sample(fuzzedRequests, { numRuns: Math.min(1000, cases - done), seed: seed * 1_000_003 + done });
  for (let at = 0; at < requests.length; at += TOGETHER) {
    const some = requests.slice(at, at + TOGETHER);
    await Promise.all(
      some.map(async (request) => {
        try {
          const status = await check(handler, request);
          statuses[status] = (statuses[status] ?? 0) + 1;
        } catch (error) {
          throw new Error(`${request.path} ${Buffer.from(request.body ?? "").toString()}`, { cause: error });
        }
      }),
    );
    if (faults.length > 0) throw new Error("the server had a fault of its own", { cause: faults[0] });
  }
  done += requests.length;
  if (!values.check && done % REPORT_EVERY === 0) console.log(`${done} requests, ${JSON.stringify(statuses)}`);
}

const { running, waiting, blocks, failedSteps } = engine.stats();
const left = { running, waiting, blocks: blocks.total - blocks.free };
await engine.close();
await handler.close();
model.dispose();
await device.close();
const seconds = Math.round((performance.now() - startedAt) / 1000);
const outcome = { drift: fieldDrift(), cases, seed, seconds, statuses, failedSteps, left };
if (values.check) console.log(JSON.stringify(outcome));
else {
  if (running + waiting + left.blocks + failedSteps + outcome.drift.length > 0)
    throw new Error(`not as it was: ${JSON.stringify(outcome)}`);
  console.log(`${cases} requests in ${seconds} s: ${JSON.stringify(statuses)}; no fault, nothing left behind`);
  writeResults("fuzz", { machine: thisMachine(), ...outcome });
}
