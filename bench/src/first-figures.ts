// `npm run bench -- first-figures`: load time, prefill of 512 and decode of 128 tokens, through the engine, at the shapes of real models with random
// weights; each with the least time that this machine's limits, measured by turns with it, allow.
// Options: --rounds N (default 5), --threads N (default: as `cpu()`), --shapes A,B, --dtypes f32,f16,bf16.
import { parseArgs } from "node:util";
import { bytesOf, type Device } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { filled } from "./kernels/filled.js";
import { type Limit, limitsOf } from "./kernels/limits.js";
import { EngineClock } from "./shared/engine-clock.js";
import { interleaved } from "./shared/interleaved.js";
import { stepCost, type StepCost, weightBytes } from "./shared/llama-costs.js";
import { thisMachine } from "./shared/machine.js";
import { randomCheckpoint, type ShapeName, shapes } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

type WeightDType = "f32" | "f16" | "bf16";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    threads: { type: "string" },
    shapes: { type: "string", default: "stories15M,SmolLM-135M" },
    dtypes: { type: "string", default: "f32,f16,bf16" },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads ?? cpuInfo().threads);
const [promptTokens, newTokens] = [512, 128];
/** Larger buffers read no slower. */
const longestBufferBytes = 2 ** 28;

interface Rate {
  readonly tokensPerSecond: number;
  /** Least possible time over the time taken. */
  readonly fraction: number;
}

interface Figure {
  readonly shape: ShapeName;
  readonly dtype: WeightDType;
  readonly loadMs: number;
  readonly prefill: Rate;
  readonly decode: Rate;
  readonly limits: { readonly readGBps: number; readonly multiplyAddGflops: number };
}

const machine = thisMachine();
const isa = cpuInfo().isa;
console.log(
  `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, ${isa}, ${threads} threads, medians of ${rounds}\n`,
);
console.log(
  `${"".padEnd(18)}${["load ms", "prefill/s", "of limit", "decode/s", "of limit", "read GB/s", "GFLOP/s"].map((head) => head.padStart(11)).join("")}`,
);

const figures: Figure[] = [];
for (const shape of options.shapes.split(",") as ShapeName[]) {
  for (const dtype of options.dtypes.split(",") as WeightDType[]) {
    const figure = await measure(shape, dtype);
    figures.push(figure);
    print(figure);
  }
}
writeResults("first-figures", { machine, isa, threads, rounds, promptTokens, newTokens, figures });

async function measure(shape: ShapeName, dtype: WeightDType): Promise<Figure> {
  const folder = await randomCheckpoint({ shape, dtype });
  const loadMs = await loadTime(folder);
  const device = await cpu({ threads });
  const model = await loadModel(folder, { device });
  const clock = new EngineClock();
  const engine = createEngine({
    model,
    limits: { maxSequences: 1, maxContext: 1024 },
    onEvent: clock.listener,
  });
  // Each request's prompt begins otherwise, or the cache would hold it already.
  let asked = 0;
  const prompt = () => Array.from({ length: promptTokens }, (_, i) => ((asked + i) * 7919) % shapes[shape].vocabSize);
  const request = () => {
    asked++;
    return engine.complete({ prompt: prompt(), maxTokens: newTokens + 1, temperature: 0 });
  };
  const [read, multiplyAdd] = limitsFor(device, weightBytes(shapes[shape], bytesOf(dtype)));
  const times = await interleaved([read, multiplyAdd, { name: "request", run: request }], rounds);
  await engine.close();
  await device.close();

  const limits = {
    readGBps: read.figure(times.get(read.name)!),
    multiplyAddGflops: multiplyAdd.figure(times.get(multiplyAdd.name)!),
  };
  const leastMs = ({ flops, bytes }: StepCost) =>
    Math.max(flops / limits.multiplyAddGflops, bytes / limits.readGBps) / 1e6;
  const element = { weight: bytesOf(dtype), cache: bytesOf("f32") };
  // The first round warms up.
  const [prefillMs, decodeMs] = [median(clock.prefillMs.slice(1)), median(clock.decodeMs.slice(1))];
  return {
    shape,
    dtype,
    loadMs,
    prefill: {
      tokensPerSecond: (promptTokens / prefillMs) * 1e3,
      fraction: leastMs(stepCost(shapes[shape], promptTokens, 0, element)) / prefillMs,
    },
    decode: {
      tokensPerSecond: 1e3 / decodeMs,
      fraction: leastMs(stepCost(shapes[shape], 1, promptTokens + newTokens / 2, element)) / decodeMs,
    },
    limits,
  };
}

/** From nothing to a model that can be used, its files in the system's cache. */
async function loadTime(folder: string): Promise<number> {
  const load = async () => {
    const device = await cpu({ threads });
    await loadModel(folder, { device });
    await device.close();
  };
  return (await interleaved([{ name: "load", run: load }], rounds)).get("load")!;
}

/** Reading a buffer as large as what a step reads (small models live in a cache), and f32 multiply-adds from the first-level cache. */
function limitsFor(device: Device, bytes: number): [read: Limit, multiplyAdd: Limit] {
  const columns = 4096;
  const rows = Math.ceil(Math.min(bytes, longestBufferBytes) / columns / bytesOf("f32"));
  const [read, , multiplyAdd] = limitsOf(device, threads, filled(device, [rows, columns], "f32")) as [
    Limit,
    Limit,
    Limit,
  ];
  return [read, multiplyAdd];
}

function print({ shape, dtype, loadMs, prefill, decode, limits }: Figure): void {
  const numbers = [
    loadMs.toFixed(0),
    prefill.tokensPerSecond.toFixed(0),
    prefill.fraction.toFixed(2),
    decode.tokensPerSecond.toFixed(1),
    decode.fraction.toFixed(2),
    limits.readGBps.toFixed(1),
    limits.multiplyAddGflops.toFixed(0),
  ];
  console.log(`${`${shape} ${dtype}`.padEnd(18)}${numbers.map((text) => text.padStart(11)).join("")}`);
}
