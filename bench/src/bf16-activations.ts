// `npm run bench -- bf16-activations`: bf16 weights with activations as they are (f32) and rounded to bf16. First the linear layers of SmolLM-135M and TinyLlama-1.1B, for one row, some
// and a prompt, by turns, beside the machine's limits; then what rounding does to a model: perplexity of a text, and whether greedy texts stay the same.
// Options: --rounds N (default 9), --threads N (default: as `cpu()`), --isa NAME (default: the best), --rows LIST (default 1,8,64,512), --model FOLDER, --text FILE, --tokens 64.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { linear, linearBf16, type Tensor } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { loadModel, perplexity } from "@whittle/models";
import { filled } from "./kernels/filled.js";
import { limitsOf } from "./kernels/limits.js";
import { agreementColumns, agreementWith, describeAgreement, statementOf } from "./shared/agreement.js";
import { interleaved } from "./shared/interleaved.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";

const root = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    threads: { type: "string" },
    isa: { type: "string" },
    rows: { type: "string", default: "1,8,64,512" },
    model: { type: "string", default: root("models/books-5m") },
    text: { type: "string", default: root("LICENSE") },
    tokens: { type: "string", default: "64" },
  },
});
const rounds = Number(options.rounds);
const threads = Number(options.threads ?? cpuInfo().threads);
const isa = options.isa ?? cpuInfo().isa;
/** A round of a contender repeats it for about so long. */
const roundMs = 8;
/** Weights take turns among copies that together exceed every cache. */
const rotationBytes = 192 * 2 ** 20;
const layers = [
  { name: "SmolLM-135M gate", depth: 576, outs: 1536 },
  { name: "SmolLM-135M down", depth: 1536, outs: 576 },
  { name: "TinyLlama-1.1B output", depth: 2048, outs: 2048 },
  { name: "TinyLlama-1.1B gate", depth: 2048, outs: 5632 },
] as const;

const machine = thisMachine();
const device = await cpu({ threads, isa });
console.log(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${isa}, ${threads} threads\n`);

const products = { f32: linear, bf16: linearBf16 };
type Kind = keyof typeof products;
const figures: object[] = [];
const limits = await measureLimits();
console.log(
  `\n${"".padEnd(40)}  ${["f32 µs", "bf16 µs", "f32", "bf16 GFLOP/s", "f32", "bf16 GB/s", "times as fast"].join("  ")}`,
);
for (const layer of layers) for (const rows of options.rows.split(",").map(Number)) await measure(layer, rows);
const model = await measureModel();
writeResults(options.isa ? `bf16-activations-${isa}` : "bf16-activations", {
  machine,
  isa,
  threads,
  rounds,
  limits,
  figures,
  model,
});
await device.close();

async function measureLimits(): Promise<Record<string, number>> {
  const buffer = filled(device, [2 ** 14, 4096], "f32");
  const all = limitsOf(device, threads, buffer);
  const times = await interleaved(all, 5);
  buffer.dispose();
  const measured: Record<string, number> = {};
  for (const { name, unit, figure } of all) {
    measured[name] = figure(times.get(name)!);
    console.log(`${name.padEnd(40)} ${measured[name].toFixed(1).padStart(8)} ${unit}`);
  }
  return measured;
}

async function measure({ name, depth, outs }: (typeof layers)[number], rows: number): Promise<void> {
  const bytes = 2 * depth * outs;
  const count = Math.ceil(rotationBytes / bytes);
  const all = filled(device, [outs * count, depth], "bf16");
  const weights = Array.from({ length: count }, (_, i) => all.rows(i * outs, (i + 1) * outs));
  const x = filled(device, [rows, depth], "f32");
  let turn = 0;
  const repeat = async (kind: Kind, calls: number) => {
    for (let i = 0; i < calls; i++) products[kind]({ x, weight: weights[turn++ % count]! }).dispose();
    await device.sync();
  };
  await repeat("f32", 3);
  const start = performance.now();
  await repeat("f32", 3);
  const calls = Math.max(1, Math.round((roundMs * 3) / (performance.now() - start)));
  const kinds = Object.keys(products) as Kind[];
  const times = await interleaved(
    kinds.map((kind) => ({ name: kind, run: () => repeat(kind, calls) })),
    rounds,
  );
  const [f32, bf16] = kinds.map((kind) => times.get(kind)! / calls) as [number, number];
  const gflops = [f32, bf16].map((ms) => (2 * rows * depth * outs) / ms / 1e6);
  const gigabytes = [f32, bf16].map((ms) => bytes / ms / 1e6);
  figures.push({ layer: name, depth, outs, rows, microseconds: [f32 * 1e3, bf16 * 1e3], gflops, speedup: f32 / bf16 });
  const numbers = [f32 * 1e3, bf16 * 1e3, ...gflops, ...gigabytes].map((value) => value.toFixed(1).padStart(9));
  console.log(
    `${`${name} ${depth}→${outs}, ${rows} row${rows > 1 ? "s" : ""}`.padEnd(40)}${numbers.join("")} ${(f32 / bf16).toFixed(2).padStart(8)}`,
  );
  for (const tensor of [x, all, ...weights] satisfies Tensor[]) tensor.dispose();
  await device.sync();
}

/** A model with its activations as they are and rounded. */
async function measureModel(): Promise<object> {
  const maxTokens = Number(options.tokens);
  const [exact, rounded] = [
    await loadModel(options.model, { device }),
    await loadModel(options.model, { device, bf16Activations: true }),
  ];
  const ids = exact.tokenizer.encode(readFileSync(options.text, "utf8"));
  const window = Math.min(exact.model.shape.maxPositions, 256);
  const scores = [await perplexity(exact, ids, { window }), await perplexity(rounded, ids, { window })] as const;
  const agreement = await agreementWith(await statementOf(exact, maxTokens), rounded, maxTokens);
  const [before, after] = scores.map(({ perplexity: score }) => score) as [number, number];
  console.log(
    `\n${basename(options.model)}, ${basename(options.text)}: perplexity of ${scores[0].tokens} tokens ${before.toFixed(4)}, rounded ${after.toFixed(4)} (${(100 * (after / before - 1)).toFixed(3)} %)`,
  );
  console.log(`${agreementColumns}\n${describeAgreement(agreement)}`);
  return {
    model: basename(options.model),
    text: basename(options.text),
    perplexity: [before, after],
    maxTokens,
    ...agreement,
  };
}
