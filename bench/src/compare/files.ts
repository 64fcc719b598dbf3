import { ggufOf } from "../shared/gguf-of.js";
import { randomCheckpoint, type ShapeName } from "../shared/random-checkpoint.js";
import { type Format } from "./plan.js";

/** A GGUF file of random weights, made at the first call: f32 as they are drawn, everything else from the f16 ones. */
export async function fileOf(shape: ShapeName, format: Format): Promise<string> {
  const folder = await randomCheckpoint({ shape, dtype: format === "f32" ? "f32" : "f16" });
  return ggufOf(folder, format === "q8_0" || format === "q4_0" ? format : undefined);
}
