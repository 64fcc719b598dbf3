// `npm run bench -- sparse`: weights with zeros beside the same shapes stored whole, at the linear layers of TinyLlama-1.1B, for one row, eight and a prompt.
// Options: --rounds N (default 9), --threads N (default: as `cpu()`), --isa NAME (default: the best), --rows LIST (default 1,8,512), --filter TEXT (only layers whose name holds it).
import { parseArgs } from "node:util";
import { linear, type Tensor } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { filled } from "./kernels/filled.js";
import { limitsOf } from "./kernels/limits.js";
import { interleaved } from "./shared/interleaved.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";
import { type Layer, layers, type Stored, storedWeights } from "./sparse/weights.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    threads: { type: "string" },
    isa: { type: "string" },
    rows: { type: "string", default: "1,8,512" },
    filter: { type: "string", default: "" },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads ?? cpuInfo().threads);
const isa = options.isa ?? cpuInfo().isa;
const rowCounts = options.rows.split(",").map(Number);
/** A round of a contender repeats it for about so long. */
const roundMs = 8;

interface Figure {
  readonly layer: string;
  readonly rows: number;
  readonly weight: string;
  readonly bytes: number;
  readonly microseconds: number;
  readonly gigabytesPerSecond: number;
  /** Time of the dense bf16 weight over this one's. */
  readonly speedup: number;
}

const machine = thisMachine();
const device = await cpu({ threads, isa });
console.log(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${isa}, ${threads} threads`);
const buffer = filled(device, [2 ** 14, 4096], "f32");
const [read] = limitsOf(device, threads, buffer);
const figures: Figure[] = [];
const limits: Record<string, number> = {};
for (const layer of layers) {
  if (!layer.name.includes(options.filter)) continue;
  const weights = storedWeights(device, layer);
  // Of a prompt the head gets one row alone.
  for (const rows of rowCounts) if (rows <= 8 || layer.name !== "head") await measure(layer, weights, rows);
  for (const weight of weights) weight.dispose();
  await device.sync();
}
writeResults(options.isa ? `sparse-${isa}` : "sparse", {
  machine,
  isa,
  threads,
  rounds,
  readGigabytesPerSecond: limits,
  figures,
});
await device.close();

async function measure(layer: Layer, weights: readonly Stored[], rows: number): Promise<void> {
  const x = filled(device, [rows, layer.in], "f32");
  const contenders = [];
  const counts = new Map<string, number>();
  for (const weight of weights) {
    let turn = 0;
    const repeat = async (count: number) => {
      for (let i = 0; i < count; i++) product(x, weight, turn++).dispose();
      await device.sync();
    };
    await repeat(1);
    const start = performance.now();
    await repeat(1);
    const count = Math.max(1, Math.round(roundMs / (performance.now() - start)));
    counts.set(weight.name, count);
    contenders.push({ name: weight.name, run: () => repeat(count) });
  }
  const times = await interleaved(rows === 1 ? [read!, ...contenders] : contenders, rounds);
  if (rows === 1) limits[layer.name] = read!.figure(times.get(read!.name)!);
  const timeOf = ({ name }: Stored) => times.get(name)! / counts.get(name)!;
  console.log(
    `\n${layer.name} ${layer.in}→${layer.out}, ${rows} row${rows > 1 ? "s" : ""}${rows === 1 ? ` (read ${limits[layer.name]!.toFixed(1)} GB/s)` : ""}`,
  );
  for (const weight of weights) {
    const milliseconds = timeOf(weight);
    const figure: Figure = {
      layer: layer.name,
      rows,
      weight: weight.name,
      bytes: weight.bytes,
      microseconds: milliseconds * 1e3,
      gigabytesPerSecond: weight.bytes / milliseconds / 1e6,
      speedup: timeOf(weights[0]!) / milliseconds,
    };
    figures.push(figure);
    const share = (weight.bytes / weights[0]!.bytes).toFixed(3);
    console.log(
      `  ${figure.weight.padEnd(22)} ${share.padStart(6)} of the bytes ${figure.microseconds.toFixed(0).padStart(8)} µs ${figure.gigabytesPerSecond.toFixed(1).padStart(6)} GB/s ${figure.speedup.toFixed(2).padStart(6)}x`,
    );
  }
  x.dispose();
}

function product(x: Tensor, { copies }: Stored, turn: number): Tensor {
  const weight = copies[turn % copies.length]!;
  return "format" in weight ? weight.format.product(x, weight, undefined, undefined) : linear({ x, weight });
}
