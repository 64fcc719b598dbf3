// `npm run bench -- cuda-agreement`: does the CUDA device say what the CPU says? Greedy continuations in f32 must be the same ids (or part where two ids are nearly as probable);
// for 16-bit activations, how often the most probable id agrees and how far the laws are apart, along the CPU's texts.
// Options: --models FOLDER,FOLDER (default: the small model that comes with Whittle and those beside the repository), --tokens 64, --emulated.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ActivationDType, type Device, packed } from "@whittle/core";
import { cpu, cuda, cudaInfo } from "@whittle/kernels";
import { type LoadedModel, loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: defaultModels().join(",") },
    tokens: { type: "string", default: "64" },
    emulated: { type: "boolean", default: false },
  },
});
const maxTokens = Number(options.tokens);
const prompts = [
  "Once upon a time",
  "The old man",
  "She opened the door and",
  "It was",
  '"I do not know," said',
  "In the morning",
  "The little",
  "He",
];

const machine = thisMachine();
const gpu = cudaInfo({ emulated: options.emulated }).devices[0]?.name ?? "no GPU";
console.log(`${gpu}; ${machine.processor}; ${prompts.length} texts of ${maxTokens} tokens\n`);
console.log(
  "model          activations  same texts  same ids  top-1 agrees  mean KL (nats)  top-2 gap at the first difference",
);

const figures: object[] = [];
for (const folder of options.models.split(",")) await compare(folder);
if (!options.emulated) writeResults("cuda-agreement", { machine, gpu, maxTokens, figures });

interface Text {
  readonly ids: readonly number[];
  readonly promptTokens: number;
}

async function compare(folder: string): Promise<void> {
  const host = await cpu();
  const onHost = await loadModel(folder, { device: host });
  const texts = await continuations(onHost);
  const laws = await Promise.all(texts.map((text) => lawsAlong(onHost, text)));
  for (const activations of ["f32", "bf16", "f16"] as const) {
    const device = await cuda({ emulated: options.emulated });
    const figure = await compareOn(device, folder, activations, texts, laws);
    await device.close();
    figures.push({ model: basename(folder), activations, ...figure });
  }
  await host.close();
}

async function compareOn(
  device: Device,
  folder: string,
  activations: ActivationDType,
  texts: Text[],
  laws: Float64Array[][],
) {
  const model = await loadModel(folder, { device, activations });
  const own = await continuations(model);
  const gaps: number[] = [];
  let [sameIds, agreed, divergence, places] = [0, 0, 0, 0];
  for (const [n, { ids, promptTokens }] of texts.entries()) {
    const first = ids.findIndex((id, i) => own[n]!.ids[i] !== id);
    sameIds += (first < 0 ? ids.length : first) - promptTokens;
    if (first >= 0) gaps.push(topGap(laws[n]![first - promptTokens]!));
    const other = await lawsAlong(model, texts[n]!);
    for (const [i, law] of laws[n]!.entries()) {
      agreed += Number(indexOfLargest(law) === indexOfLargest(other[i]!));
      divergence += kl(law, other[i]!);
      places++;
    }
  }
  const figure = {
    sameTexts: texts.length - gaps.length,
    texts: texts.length,
    sameIds: sameIds / places,
    top1: agreed / places,
    meanKl: divergence / places,
    gaps,
  };
  console.log(
    `${basename(folder).padEnd(14)} ${activations.padEnd(11)}  ${`${figure.sameTexts} of ${figure.texts}`.padStart(10)}  ${(100 * figure.sameIds).toFixed(1).padStart(6)} %  ` +
      `${(100 * figure.top1).toFixed(2).padStart(10)} %  ${figure.meanKl.toExponential(2).padStart(14)}  ${gaps.map((gap) => gap.toExponential(1)).join(" ")}`,
  );
  return figure;
}

/** Greedy texts, by the engine. */
async function continuations(model: LoadedModel): Promise<Text[]> {
  const engine = createEngine({ model });
  const texts = await Promise.all(
    prompts.map(async (text): Promise<Text> => {
      const prompt = [...model.tokenizer.encode(text)];
      const { tokens } = await engine.complete({ prompt, maxTokens, temperature: 0, ignoreEos: true });
      return { ids: [...prompt, ...tokens], promptTokens: prompt.length };
    }),
  );
  await engine.close();
  return texts;
}

/** The law of each id after the prompt, given the ids before it. */
async function lawsAlong({ model, device }: LoadedModel, { ids, promptTokens }: Text): Promise<Float64Array[]> {
  const { vocabSize, layers } = model.shape;
  const before = ids.slice(0, -1);
  const wanted = Array.from({ length: ids.length - promptTokens }, (_, i) => promptTokens - 1 + i);
  const ints = (values: readonly number[]) => device.tensor(values, [values.length], "i32");
  const logits = device.scope(() => {
    const rows = {
      tokens: ints(before),
      positions: ints(before.map((_, i) => i)),
      wanted: ints(wanted),
      runs: [{ sequence: 0, from: 0, count: before.length, held: false }],
    };
    return model.forward(rows, packed(layers, device).prepare(rows)).logits;
  });
  const values = await logits.read();
  logits.dispose();
  return wanted.map((_, row) => softmax(values.subarray(row * vocabSize, (row + 1) * vocabSize)));
}

function softmax(logits: ArrayLike<number>): Float64Array {
  const law = Float64Array.from(logits);
  const largest = law.reduce((most, value) => Math.max(most, value), -Infinity);
  let sum = 0;
  for (let i = 0; i < law.length; i++) sum += law[i] = Math.exp(law[i]! - largest);
  return law.map((value) => value / sum);
}

function kl(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, value, i) => (value > 0 ? sum + value * Math.log(value / Math.max(q[i]!, 1e-300)) : sum), 0);
}

function indexOfLargest(law: Float64Array): number {
  return law.reduce((best, value, i) => (value > law[best]! ? i : best), 0);
}

/** How much more probable the first id is than the second, as a share of the first. */
function topGap(law: Float64Array): number {
  const [first, second] = [...law].sort((a, b) => b - a) as [number, number];
  return (first - second) / first;
}

function defaultModels(): string[] {
  const beside = join(root, "..", "shared", "models");
  const others = existsSync(beside) ? readdirSync(beside).map((name) => join(beside, name)) : [];
  return [
    join(root, "models", "books-5m"),
    ...others.filter((folder) => existsSync(join(folder, "config.json")) && basename(folder) !== "books-5m"),
  ];
}
