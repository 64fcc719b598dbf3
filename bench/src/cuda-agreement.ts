// `npm run bench -- cuda-agreement`: does the CUDA device say what the CPU says? Greedy continuations in f32 must be the same ids (or part where two ids are nearly as probable);
// for 16-bit activations, how often the most probable id agrees and how far the laws are apart, along the CPU's texts.
// Options: --models FOLDER,FOLDER (default: the small model that comes with Whittle and those beside the repository), --tokens 64, --emulated.
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cpu, cuda, cudaInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { agreementColumns, agreementWith, describeAgreement, statementOf } from "./shared/agreement.js";
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

const machine = thisMachine();
const gpu = cudaInfo({ emulated: options.emulated }).devices[0]?.name ?? "no GPU";
console.log(`${gpu}; ${machine.processor}; texts of ${maxTokens} tokens\n`);
console.log(`model          activations  ${agreementColumns}`);

const figures: object[] = [];
for (const folder of options.models.split(",")) await compare(folder);
if (!options.emulated) writeResults("cuda-agreement", { machine, gpu, maxTokens, figures });

async function compare(folder: string): Promise<void> {
  const host = await cpu();
  const stated = await statementOf(await loadModel(folder, { device: host }), maxTokens);
  for (const activations of ["f32", "bf16", "f16"] as const) {
    const device = await cuda({ emulated: options.emulated });
    const agreement = await agreementWith(stated, await loadModel(folder, { device, activations }), maxTokens);
    await device.close();
    console.log(`${basename(folder).padEnd(14)} ${activations.padEnd(11)}  ${describeAgreement(agreement)}`);
    figures.push({ model: basename(folder), activations, ...agreement });
  }
  await host.close();
}

function defaultModels(): string[] {
  const beside = join(root, "..", "shared", "models");
  const others = existsSync(beside) ? readdirSync(beside).map((name) => join(beside, name)) : [];
  return [
    join(root, "models", "books-5m"),
    ...others.filter((folder) => existsSync(join(folder, "config.json")) && basename(folder) !== "books-5m"),
  ];
}
