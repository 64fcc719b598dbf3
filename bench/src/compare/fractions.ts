import { decodeCost, stepCost, type StepCost } from "../shared/llama-costs.js";
import { type ShapeName, shapes } from "../shared/random-checkpoint.js";
import { bytesOfWeight, type Format } from "./plan.js";
import { type Limits } from "./side.js";

/** Of a cached element: f16 on both sides. */
const cacheBytes = 2;

/** Milliseconds that a prompt takes at least. */
export function leastPrefillMs(shape: ShapeName, format: Format, tokens: number, limits: Limits): number {
  return leastMs(
    stepCost(shapes[shape], tokens, 0, { weight: bytesOfWeight[format], cache: cacheBytes }),
    format,
    limits,
  );
}

/** Milliseconds that a step of `sequences` rows takes at least, with `context` tokens before each. */
export function leastDecodeMs(
  shape: ShapeName,
  format: Format,
  { sequences, context }: { sequences: number; context: number },
  limits: Limits,
): number {
  const element = { weight: bytesOfWeight[format], cache: cacheBytes };
  return leastMs(decodeCost(shapes[shape], sequences, context, element), format, limits);
}

/** Weights in blocks are multiplied as 8-bit codes, everything else as f32; reading and multiplying go on at once. */
function leastMs({ flops, attentionFlops, bytes }: StepCost, format: Format, limits: Limits): number {
  const products = format === "f32" || format === "f16" ? limits.multiplyAddGflops : limits.dotCodesGops;
  const multiply = (flops - attentionFlops) / products + attentionFlops / limits.multiplyAddGflops;
  return Math.max(multiply, bytes / limits.readGBps) / 1e6;
}
