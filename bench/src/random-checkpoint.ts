import { parseArgs } from "node:util";
import { randomCheckpoint, type ShapeName, shapes } from "./shared/random-checkpoint.js";

// npm run bench -- random-checkpoint --shape SmolLM-135M --dtype bf16 [--seed 0]
const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "SmolLM-135M" },
    dtype: { type: "string", default: "bf16" },
    seed: { type: "string", default: "0" },
  },
});
const { shape, dtype, seed } = values;
if (!Object.hasOwn(shapes, shape))
  throw new Error(`--shape must be one of ${Object.keys(shapes).join(", ")}, but is ${shape}`);
if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16")
  throw new Error(`--dtype must be f32, f16 or bf16, but is ${dtype}`);
console.log(await randomCheckpoint({ shape: shape as ShapeName, dtype, seed: Number(seed) }));
