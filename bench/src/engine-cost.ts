// `npm run bench -- engine-cost`: what the engine costs beside the device. Time per decode step at 1, 8 and 64 sequences of the embedded model; how much of it the
// thread of JavaScript works; and the step of the least loop there is, by turns in the same run: what the engine takes beyond that is a gap.
// Options: --model <folder>, --sequences 1,8,64, --tokens 256, --rounds 5, --threads N (default: as `cpu()`).
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cpu, cpuInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { bareLoop } from "./engine-cost/bare-loop.js";
import { engineSteps } from "./engine-cost/engine-steps.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    // From bench/dist, where benchmarks run.
    model: { type: "string", default: fileURLToPath(new URL("../../models/books-5m", import.meta.url)) },
    sequences: { type: "string", default: "1,8,64" },
    tokens: { type: "string", default: "256" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string" },
  },
});
const threads = Number(options.threads ?? cpuInfo().threads);
const [tokens, rounds] = [Number(options.tokens), Number(options.rounds)];

const machine = thisMachine();
console.log(
  `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${threads} threads, medians of ${rounds}\n`,
);
console.log(
  ["sequences", "step us", "JavaScript us", "share", "bare step us", "gap us", "tokens/s"]
    .map((head) => head.padStart(14))
    .join(""),
);

const device = await cpu({ threads });
const model = await loadModel(options.model, { device });
const figures = [];
for (const sequences of options.sequences.split(",").map(Number)) {
  const [engine, bare]: [Awaited<ReturnType<typeof engineSteps>>[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const measured = {
      engine: await engineSteps(model, sequences, tokens),
      bare: await bareLoop(model, sequences, tokens),
    };
    // The first round warms up.
    if (round < 0) continue;
    engine.push(measured.engine);
    bare.push(measured.bare);
  }
  const [stepUs, javaScriptUs, bareStepUs] = [
    median(engine.map((steps) => steps.stepUs)),
    median(engine.map((steps) => steps.javaScriptUs)),
    median(bare),
  ];
  const figure = {
    sequences,
    stepUs,
    javaScriptUs,
    share: javaScriptUs / stepUs,
    bareStepUs,
    gapUs: stepUs - bareStepUs,
    tokensPerSecond: (sequences * 1e6) / stepUs,
  };
  figures.push(figure);
  console.log(
    [
      String(sequences),
      stepUs.toFixed(0),
      javaScriptUs.toFixed(0),
      `${(100 * figure.share).toFixed(1)} %`,
      bareStepUs.toFixed(0),
      figure.gapUs.toFixed(0),
      figure.tokensPerSecond.toFixed(0),
    ]
      .map((cell) => cell.padStart(14))
      .join(""),
  );
}
model.dispose();
await device.close();
writeResults("engine-cost", { machine, threads, model: model.name, tokens, rounds, figures });
