// `npm run bench -- kernels`: what the machine can do and how near to it the kernels come, at the shapes of SmolLM-135M (q4_K and q6_K: of TinyLlama-1.1B).
// Options: --rounds N (default 15), --threads N (default: as `cpu()`), --filter TEXT (only cases whose name holds it).
import { parseArgs } from "node:util";
import { cpu, cpuInfo } from "@whittle/kernels";
import { type KernelCase, kernelCases } from "./kernels/cases.js";
import { filled, stored } from "./kernels/filled.js";
import { type Limit, limitsOf } from "./kernels/limits.js";
import { interleaved } from "./shared/interleaved.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    threads: { type: "string" },
    filter: { type: "string", default: "" },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads ?? cpuInfo().threads);
/** A round of a case repeats it for about so long, so that starting and finishing do not count. */
const roundMs = 15;

interface Figure {
  readonly name: string;
  readonly microseconds: number;
  readonly gflops: number;
  readonly gigabytesPerSecond: number;
  /** Least possible time over the time taken. */
  readonly fraction: number;
  readonly limitedBy: "multiply-add" | "read";
}

const machine = thisMachine();
const device = await cpu({ threads });
const single = threads === 1 ? device : await cpu({ threads: 1 });
console.log(
  `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, ${cpuInfo().isa}, ${threads} threads\n`,
);

const bufferRows = 2 ** 14;
const buffers = [...new Set([single, device])].map((on) => ({ on, buffer: filled(on, [bufferRows, 4096], "f32") }));
const limits: Limit[] = buffers.flatMap(({ on, buffer }) => limitsOf(on, on === device ? threads : 1, buffer));
const limitFigures: Record<string, number> = {};
await measureLimits();
const figures: Figure[] = [];
for (const make of kernelCases(device, stored)) {
  const example = make();
  if (example.name.includes(options.filter)) figures.push(await measure(example));
  example.dispose();
  await device.sync();
}
for (const { buffer } of buffers) buffer.dispose();
const worst = figures.reduce((least, { fraction }) => Math.min(least, fraction), 1);
console.log(`\nWorst fraction of the limit: ${worst.toFixed(2)}`);
writeResults("kernels", { machine, threads, rounds, limits: limitFigures, figures });
await Promise.all(buffers.map(({ on }) => on.close()));

async function measureLimits(): Promise<void> {
  const times = await interleaved(limits, 5);
  for (const { name, unit, figure } of limits) {
    limitFigures[name] = figure(times.get(name)!);
    console.log(`${name.padEnd(52)} ${limitFigures[name].toFixed(1).padStart(8)} ${unit}`);
  }
  console.log(`\n${"".padEnd(52)} ${["µs", "GFLOP/s", "GB/s", "of limit"].map((head) => head.padStart(9)).join("")}`);
}

/** A case by turns with the two limits that it is divided by, so that all three see the same machine. */
async function measure(example: KernelCase): Promise<Figure> {
  let turn = 0;
  const repeat = async (count: number) => {
    for (let i = 0; i < count; i++) example.record(turn++);
    await device.sync();
  };
  await repeat(3);
  const start = performance.now();
  await repeat(3);
  const count = Math.max(1, Math.round((roundMs * 3) / (performance.now() - start)));
  const [read, , floats, codes] = limits.slice(-5) as [Limit, Limit, Limit, Limit];
  const fromCache = example.codes ? codes : floats;
  const times = await interleaved([read, fromCache, { name: example.name, run: () => repeat(count) }], rounds);
  const milliseconds = times.get(example.name)! / count;
  const flopsMs = example.flops / fromCache.figure(times.get(fromCache.name)!) / 1e6;
  const readMs = example.bytes / read.figure(times.get(read.name)!) / 1e6;
  const figure: Figure = {
    name: example.name,
    microseconds: milliseconds * 1e3,
    gflops: example.flops / milliseconds / 1e6,
    gigabytesPerSecond: example.bytes / milliseconds / 1e6,
    fraction: Math.max(flopsMs, readMs) / milliseconds,
    limitedBy: flopsMs > readMs ? "multiply-add" : "read",
  };
  const numbers = [figure.microseconds, figure.gflops, figure.gigabytesPerSecond].map((value) =>
    value.toFixed(1).padStart(9),
  );
  console.log(
    `${figure.name.padEnd(52)} ${numbers.join("")} ${figure.fraction.toFixed(2).padStart(8)} (${figure.limitedBy})`,
  );
  return figure;
}
