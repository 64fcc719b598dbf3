import { type Fields, isObject } from "../config/fields.js";

// Only what `@huggingface/tokenizers` computes as the Rust library does: a component (or a mode of one) that it treats otherwise or not at all is
// refused here, because wrong ids give no error later, only a worse model.

const NORMALIZERS = [
  "Sequence",
  "Replace",
  "Prepend",
  "Strip",
  "NFC",
  "NFD",
  "NFKC",
  "NFKD",
  "Lowercase",
  "StripAccents",
] as const;
const PRE_TOKENIZERS = [
  "Sequence",
  "ByteLevel",
  "Metaspace",
  "Split",
  "Digits",
  "Punctuation",
  "Whitespace",
  "WhitespaceSplit",
] as const;

/** Checks `normalizer`, which may be absent. */
export function checkNormalizer(fields: Fields, name = "normalizer"): void {
  if (!fields.has(name)) return;
  checkOneNormalizer(fields.object(name));
}

function checkOneNormalizer(one: Fields): void {
  switch (one.oneOf("type", NORMALIZERS, undefined)) {
    case "Sequence":
      one.objects("normalizers").forEach(checkOneNormalizer);
      break;
    case "Replace":
      checkPattern(one);
      one.string("content", "");
      break;
    case "Prepend":
      one.requiredString("prepend");
      break;
    case "Strip":
      one.boolean("strip_left", true);
      one.boolean("strip_right", true);
  }
}

/**
 * The checked normaliser with each `Prepend` as a `Replace` at the beginning: the library puts the prefix before an empty text too (what `Strip`
 * leaves of a blank one), the Rust library does not.
 */
export function withoutPrepend(normalizer: unknown): unknown {
  if (!isObject(normalizer)) return normalizer;
  if (Array.isArray(normalizer["normalizers"])) {
    return { ...normalizer, normalizers: normalizer["normalizers"].map(withoutPrepend) };
  }
  if (normalizer["type"] !== "Prepend") return normalizer;
  const content = String(normalizer["prepend"]).replaceAll("$", "$$$$"); // "$$" stands for "$" in a replacement
  return { type: "Replace", pattern: { Regex: "\\A(?!\\z)" }, content };
}

/** Checks `pre_tokenizer`, which may be absent. */
export function checkPreTokenizer(fields: Fields, name = "pre_tokenizer"): void {
  if (fields.has(name)) checkOnePreTokenizer(fields.object(name));
}

function checkOnePreTokenizer(one: Fields): void {
  switch (one.oneOf("type", PRE_TOKENIZERS, undefined)) {
    case "Sequence":
      one.objects("pretokenizers").forEach(checkOnePreTokenizer);
      break;
    case "ByteLevel":
      one.boolean("add_prefix_space", false);
      one.boolean("use_regex", true);
      break;
    case "Metaspace":
      one.string("replacement", "▁");
      one.string("str_rep", "");
      one.oneOf("prepend_scheme", ["always", "first", "never"], "always");
      break;
    case "Split":
      checkPattern(one);
      if (one.boolean("invert", false)) one.oneOf("behavior", ["Removed"], "Removed");
      else one.oneOf("behavior", ["Isolated", "Removed"], "Isolated");
      break;
    case "Digits":
      one.boolean("individual_digits", false);
      break;
    case "Punctuation":
      one.oneOf("behavior", ["Contiguous"], undefined);
  }
}

function checkPattern(one: Fields): void {
  const pattern = one.object("pattern");
  if (!pattern.has("String")) pattern.requiredString("Regex");
  else pattern.requiredString("String");
}

/** The control tokens that the post-processor puts before and after a text. */
export interface Surroundings {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Reads `post_processor`: what it adds around a single text. */
export function readPostProcessor(fields: Fields, idOf: (token: string) => number | undefined): Surroundings {
  return fields.has("post_processor") ? surroundings(fields.object("post_processor"), idOf) : { before: [], after: [] };
}

function surroundings(one: Fields, idOf: (token: string) => number | undefined): Surroundings {
  switch (one.oneOf("type", ["ByteLevel", "TemplateProcessing", "Sequence"], undefined)) {
    case "ByteLevel":
      return { before: [], after: [] };
    case "Sequence": {
      let before: readonly number[] = [];
      let after: readonly number[] = [];
      for (const processor of one.objects("processors")) {
        const outer = surroundings(processor, idOf);
        before = [...outer.before, ...before];
        after = [...after, ...outer.after];
      }
      return { before, after };
    }
    case "TemplateProcessing":
      return templateSurroundings(one, idOf);
  }
}

function templateSurroundings(one: Fields, idOf: (token: string) => number | undefined): Surroundings {
  const before: number[] = [];
  const after: number[] = [];
  let seen = false;
  for (const item of one.objects("single")) {
    if (item.has("Sequence")) {
      seen = true;
      continue;
    }
    const token = item.object("SpecialToken").requiredString("id");
    const special = one.has("special_tokens") ? one.object("special_tokens") : undefined;
    const ids = special?.has(token)
      ? special.object(token).tokenIds("ids")
      : [idOf(token)].filter((id) => id !== undefined);
    if (ids.length === 0) one.refuse(`the post-processor adds "${token}", which is not in the vocabulary`);
    (seen ? after : before).push(...ids);
  }
  if (!seen) one.fail("single", "a template that holds the text (a Sequence)");
  return { before, after };
}
