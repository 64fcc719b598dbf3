// `npm run bench -- random-checkpoint`: makes a Hugging Face folder of seeded random weights at a real model's shape and prints its path; with --gguf, the path of a GGUF file of
// the same weights.
// Options: --shape SmolLM-135M, --dtype f32|f16|bf16 (default bf16), --seed N (default 0), --gguf stored|q8_0|q4_0.
import { parseArgs } from "node:util";
import { ggufOf } from "./shared/gguf-of.js";
import { randomCheckpoint, type ShapeName, shapes } from "./shared/random-checkpoint.js";

const { values: options } = parseArgs({
  options: {
    shape: { type: "string", default: "SmolLM-135M" },
    dtype: { type: "string", default: "bf16" },
    seed: { type: "string", default: "0" },
    gguf: { type: "string" },
  },
});
const { shape, dtype, seed, gguf } = options;
if (!Object.hasOwn(shapes, shape))
  throw new Error(`--shape must be one of ${Object.keys(shapes).join(", ")}, but is ${shape}`);
if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16")
  throw new Error(`--dtype must be f32, f16 or bf16, but is ${dtype}`);
if (gguf !== undefined && gguf !== "stored" && gguf !== "q8_0" && gguf !== "q4_0")
  throw new Error(`--gguf must be stored, q8_0 or q4_0, but is ${gguf}`);
const folder = await randomCheckpoint({ shape: shape as ShapeName, dtype, seed: Number(seed) });
console.log(gguf === undefined ? folder : await ggufOf(folder, gguf === "stored" ? undefined : gguf));
