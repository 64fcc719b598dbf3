// `npm run bench -- recording`: what recording costs JavaScript, per op and as a share of a decode step of the embedded model. Goal: <= 5 % of the step for recording its
// ops. Options: --model <folder>, --steps 256, --threads N (default: as `cpu()`).
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Device } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { capture } from "./recording/capture.js";
import { DecodeStep } from "./recording/decode-step.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    // From bench/dist, where benchmarks run.
    model: { type: "string", default: fileURLToPath(new URL("../../models/books-5m", import.meta.url)) },
    steps: { type: "string", default: "256" },
    threads: { type: "string" },
  },
});
const threads = Number(options.threads ?? cpuInfo().threads);
const steps = Number(options.steps);
const [batches, callsPerBatch] = [100, 128];
const warmUpSteps = 64;
const goal = 0.05;

const machine = thisMachine();
console.log(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${threads} threads\n`);

const device = await cpu({ threads });
const loaded = await loadModel(options.model, { device });
const decode = new DecodeStep(loaded.model, device);

const times = await stepTimes(decode);
let token = 0;
const ops = await opCosts(device, () => decode.record(token));
await device.sync();
await device.close();

const recordingUs = ops.reduce((sum, { count, ns }) => sum + (count * ns) / 1000, 0);
const share = recordingUs / times.stepUs;
console.log("op                  in a step   ns each");
for (const { name, count, ns } of ops)
  console.log(`${name.padEnd(18)}${String(count).padStart(11)}${ns.toFixed(0).padStart(10)}`);
console.log(`\na decode step        ${times.stepUs.toFixed(0)} us`);
console.log(
  `recording its ${ops.reduce((sum, { count }) => sum + count, 0)} ops  ${recordingUs.toFixed(1)} us, ${(100 * share).toFixed(1)} % of the step (goal: <= ${100 * goal} %)`,
);
console.log(`all its JavaScript   ${times.javaScriptUs.toFixed(1)} us, until the read is recorded`);
writeResults("recording", { machine, threads, model: loaded.name, steps, ops, recordingUs, ...times, share, goal });

/** Median times of a step: from its beginning to its ids, and of the part in which JavaScript records it. */
async function stepTimes(step: DecodeStep): Promise<{ stepUs: number; javaScriptUs: number }> {
  const [whole, recording]: [number[], number[]] = [[], []];
  for (let i = -warmUpSteps; i < steps; i++) {
    const start = performance.now();
    const { ids, commit } = step.record(token);
    const recorded = performance.now();
    token = (await ids)[0]!;
    commit();
    if (i < 0) continue;
    whole.push(performance.now() - start);
    recording.push(recorded - start);
  }
  return { stepUs: 1000 * median(whole), javaScriptUs: 1000 * median(recording) };
}

/** Nanoseconds to record each op of a step: checks, output, command, flush and release; the device works meanwhile, as it does in a step. */
async function opCosts(on: Device, step: () => void): Promise<{ name: string; count: number; ns: number }[]> {
  const costs = new Map<string, { count: number; repeat: () => void; samples: number[] }>();
  for (const { name, repeat } of capture(on, step)) {
    const known = costs.get(name);
    if (known) known.count++;
    else costs.set(name, { count: 1, repeat, samples: [] });
  }
  for (let batch = -batches; batch < batches; batch++) {
    for (const { repeat, samples } of costs.values()) {
      await on.sync();
      const start = performance.now();
      on.scope(() => {
        for (let i = 0; i < callsPerBatch; i++) repeat();
      });
      if (batch >= 0) samples.push(((performance.now() - start) * 1e6) / callsPerBatch);
    }
  }
  return [...costs].map(([name, { count, samples }]) => ({ name, count, ns: median(samples) }));
}
