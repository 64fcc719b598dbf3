// `npm run bench -- quantise`: how fast a matrix of bf16 weights becomes blocks, and how long that keeps the event loop from turning: core's `quantise` in JavaScript beside the op
// `quantiseRows` on `cpu()`, by turns, the bytes compared. Options: --rows 2048, --columns 2048, --rounds 3, --threads N (default: as `cpu()`).
import { setImmediate } from "node:timers/promises";
import { type BlockDType, blockDTypes, quantise, quantiseRows, type Tensor } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { parseArgs } from "node:util";
import { startMonitor, stopMonitor } from "./event-loop/delays.js";
import { thisMachine } from "./shared/machine.js";
import { randomElements } from "./shared/random-weights.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "2048" },
    columns: { type: "string", default: "2048" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string" },
  },
});
const shape = [Number(options.rows), Number(options.columns)];
const elements = shape[0]! * shape[1]!;
const threads = Number(options.threads ?? cpuInfo().threads);
const device = await cpu({ threads });
const weight = device.tensorFromBytes(Buffer.concat([...randomElements(elements, "bf16", 0.02, 0, 0)]), shape, "bf16");

const ways = {
  javascript: async (dtype: BlockDType) => quantise((await weight.read()) as Float32Array, dtype),
  kernel: async (dtype: BlockDType) => {
    const blocks: Tensor = quantiseRows({ x: weight, as: dtype });
    const bytes = blocks.readBytes();
    blocks.dispose();
    return bytes;
  },
};

const machine = thisMachine();
console.log(`${machine.processor}, Node ${machine.node}, ${cpuInfo().isa}, ${threads} threads\n`);
const figures: object[] = [];
for (const dtype of blockDTypes) {
  const times = { javascript: [] as number[], kernel: [] as number[] };
  const waits = { javascript: 0, kernel: 0 };
  for (let round = 0; round < Number(options.rounds); round++) {
    const results: Uint8Array[] = [];
    for (const way of ["javascript", "kernel"] as const) {
      const monitor = startMonitor();
      // Its first tick is the beginning of the first interval.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const start = performance.now();
      results.push(await ways[way](dtype));
      times[way].push((performance.now() - start) / 1000);
      await setImmediate();
      await new Promise((resolve) => setTimeout(resolve, 20));
      waits[way] = Math.max(waits[way], stopMonitor(monitor).max);
    }
    if (Buffer.compare(results[0]!, results[1]!) !== 0) throw new Error(`${dtype}: the kernel's bytes are other ones`);
  }
  const rate = (way: keyof typeof ways) => elements / median(times[way]) / 1e6;
  const figure = {
    dtype,
    millionWeightsPerSecond: { javascript: rate("javascript"), kernel: rate("kernel") },
    longestWaitMs: waits,
  };
  figures.push(figure);
  console.log(
    `${dtype.padEnd(5)} JavaScript ${rate("javascript").toFixed(1).padStart(6)} M weights/s, event loop held ${waits.javascript.toFixed(0).padStart(5)} ms;` +
      ` kernel ${rate("kernel").toFixed(0).padStart(5)} M/s, ${waits.kernel.toFixed(1)} ms`,
  );
}
writeResults("quantise", { machine, threads, shape, figures });
await device.close();
