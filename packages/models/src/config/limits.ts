import { type ModelConfig } from "../model-config.js";
import { type Fields } from "./fields.js";

// Far above any model that exists: a larger number is a broken or hostile file, and products of two of these stay exact in a double.
export const VOCABULARY = { min: 1, max: 2 ** 24 };
export const WIDTH = { min: 1, max: 2 ** 20 };
export const LAYERS = { min: 1, max: 4096 };
export const HEADS = { min: 1, max: 4096 };
export const POSITIONS = { min: 1, max: 2 ** 27 };

const DTYPES: Readonly<Record<string, "f32" | "f16" | "bf16">> = { float32: "f32", float16: "f16", bfloat16: "bf16" };

/** What every architecture's configuration says in the same words. */
export function commonFields(fields: Fields): Pick<ModelConfig, "bosTokenId" | "eosTokenIds" | "dtype"> {
  if (fields.has("quantization_config")) {
    fields.refuse(
      `"quantization_config" is given, but quantised checkpoints are not supported; expected f32, f16 or bf16 weights`,
    );
  }
  const bos = fields.tokenIds("bos_token_id")[0];
  // Only a hint (each tensor states its own), so an unknown one is not an error. transformers 4 called it torch_dtype.
  const dtype = DTYPES[String(fields.raw("dtype") ?? fields.raw("torch_dtype"))];
  return {
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    eosTokenIds: fields.tokenIds("eos_token_id"),
    ...(dtype === undefined ? {} : { dtype }),
  };
}
