// `npm run bench -- overhead`: what a decode step costs outside of kernels: wall time minus the time that the queue spends inside kernels, per token, with look-ahead, through the
// engine, at the stories15M shape. By turns: steps replayed, and recorded each time. Goal: <= 5 % of a step.
// Options: --shape stories15M, --weights f16,bf16,f32, --steps 1000, --rounds 3, --sequences 1, --threads N (default: as `cpu()`).
import { parseArgs } from "node:util";
import { cpu, cpuInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { measureSteps, type StepCosts } from "./overhead/measure-steps.js";
import { recordedEachTime } from "./overhead/recorded-each-time.js";
import { thisMachine } from "./shared/machine.js";
import { randomCheckpoint, type RandomCheckpointOptions, type ShapeName } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    shape: { type: "string", default: "stories15M" },
    weights: { type: "string", default: "f16" },
    steps: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    sequences: { type: "string", default: "1" },
    threads: { type: "string" },
  },
});
const threads = Number(options.threads ?? cpuInfo().threads);
const [steps, rounds, sequences] = [Number(options.steps), Number(options.rounds), Number(options.sequences)];
const goal = 0.05;

const machine = thisMachine();
console.log(
  `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${threads} threads; ${options.shape}, ${sequences} sequences, ${steps} steps, medians of ${rounds}\n`,
);
console.log(
  ["weights", "steps", "step us", "kernels us", "outside us", "share", "JavaScript us", "tokens/s"]
    .map((head) => head.padStart(14))
    .join(""),
);

const device = await cpu({ threads });
const figures = [];
for (const weights of options.weights.split(",")) {
  const dtype = weights as RandomCheckpointOptions["dtype"];
  const model = await loadModel(await randomCheckpoint({ shape: options.shape as ShapeName, dtype }), { device });
  const measured: Record<"replayed" | "recorded", StepCosts[]> = { replayed: [], recorded: [] };
  for (let round = -1; round < rounds; round++) {
    for (const kind of ["recorded", "replayed"] as const) {
      const costs = await measureSteps(model, {
        steps,
        sequences,
        ...(kind === "recorded" && { cache: recordedEachTime }),
      });
      // The first round warms up.
      if (round >= 0) measured[kind].push(costs);
    }
  }
  for (const [kind, costs] of Object.entries(measured)) {
    const of = (part: keyof StepCosts) => median(costs.map((cost) => cost[part]));
    const [stepUs, kernelUs, javaScriptUs] = [of("stepUs"), of("kernelUs"), of("javaScriptUs")];
    const outsideUs = median(costs.map((cost) => cost.stepUs - cost.kernelUs));
    const share = outsideUs / stepUs;
    figures.push({ weights, kind, stepUs, kernelUs, outsideUs, share, javaScriptUs, goal });
    console.log(
      [
        weights,
        kind,
        stepUs.toFixed(1),
        kernelUs.toFixed(1),
        outsideUs.toFixed(1),
        `${(100 * share).toFixed(1)} %`,
        javaScriptUs.toFixed(1),
        ((sequences * 1e6) / stepUs).toFixed(0),
      ]
        .map((cell) => cell.padStart(14))
        .join(""),
    );
  }
  model.dispose();
}
await device.close();
writeResults("overhead", { machine, threads, shape: options.shape, steps, sequences, rounds, figures });
