import { type Fields } from "./fields.js";

/** How rotary angles are stretched past the length the model was first trained on. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    }
  /** Each pair turns that many times slower: what GGUF files have of any kind of scaling. */
  | { readonly type: "factors"; readonly factors: ArrayLike<number> };

/** Rotary position embedding: base, and scaling if any. */
export interface RopeConfig {
  readonly theta: number;
  readonly scaling?: RopeScaling;
}

/**
 * Reads RoPE in the form of transformers 5 (`rope_parameters`, which holds `rope_theta`) or 4 (`rope_theta` beside `rope_scaling`, whose kind is
 * `rope_type` or, older, `type`).
 * @throws ConfigError for a kind that is not supported, naming those that are.
 */
export function parseRope(fields: Fields, maxPositions: number): RopeConfig {
  const name = fields.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const parameters = fields.has(name) ? fields.object(name) : undefined;
  const base = parameters?.has("rope_theta") ? parameters : fields;
  const theta = base.number("rope_theta", { above: 0, max: 1e12, fallback: 10_000 });
  for (const place of [fields, parameters]) {
    const factor = place?.number("partial_rotary_factor", { fallback: 1 });
    if (factor !== undefined && factor !== 1)
      place!.fail("partial_rotary_factor", "1 (partly rotated heads are not supported)");
  }
  if (!parameters) return { theta };
  const kind = parameters.oneOf(
    parameters.has("rope_type") ? "rope_type" : "type",
    ["default", "linear", "llama3"],
    "default",
  );
  if (kind === "default") return { theta };
  const factor = parameters.number("factor", { above: 0, max: 1e6 });
  if (kind === "linear") return { theta, scaling: { type: "linear", factor } };
  const lowFreqFactor = parameters.number("low_freq_factor", { above: 0, max: 1e6 });
  const highFreqFactor = parameters.number("high_freq_factor", { above: 0, max: 1e6 });
  if (highFreqFactor <= lowFreqFactor)
    parameters.fail("high_freq_factor", `a number above low_freq_factor (${lowFreqFactor})`);
  const original = { min: 1, max: 2 ** 27, fallback: maxPositions };
  const originalMaxPositions = (fields.has("original_max_position_embeddings") ? fields : parameters).integer(
    "original_max_position_embeddings",
    original,
  );
  return { theta, scaling: { type: "llama3", factor, lowFreqFactor, highFreqFactor, originalMaxPositions } };
}
