import { type Fields } from "../config/fields.js";
import { VOCABULARY } from "../config/limits.js";

/** What a token is for. */
export type TokenKind = "normal" | "unknown" | "control" | "userDefined" | "unused" | "byte";

/** ggml's numbers of them begin at 1. */
const kindNames: readonly TokenKind[] = ["normal", "unknown", "control", "userDefined", "unused", "byte"];

/** The tokens of a file, by id. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly kinds: readonly TokenKind[];
  readonly scores?: Float32Array;
}

/** @throws what `fields` makes of a list that is missing, of another type or of another length. */
export function readVocabulary(fields: Fields): GgufVocabulary {
  const tokens = fields.raw("tokenizer.ggml.tokens");
  if (!isStrings(tokens) || tokens.length === 0 || tokens.length > VOCABULARY.max)
    return fields.fail("tokenizer.ggml.tokens", `a list of 1 to ${VOCABULARY.max} strings`);
  const types = fields.raw("tokenizer.ggml.token_type");
  if (types !== undefined && !(types instanceof Int32Array && types.length === tokens.length))
    return fields.fail("tokenizer.ggml.token_type", `a list of ${tokens.length} numbers (i32)`);
  const scores = fields.raw("tokenizer.ggml.scores");
  if (scores !== undefined && !(scores instanceof Float32Array && scores.length === tokens.length))
    return fields.fail("tokenizer.ggml.scores", `a list of ${tokens.length} numbers (f32)`);
  const kinds = tokens.map((_, id) => kindNames[(types?.[id] ?? 1) - 1] ?? "normal");
  return { tokens, kinds, ...(scores && { scores }) };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
