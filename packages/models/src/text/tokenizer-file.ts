import { Fields, isObject, shown } from "../config/fields.js";
import { TokenizerError } from "../errors.js";
import { readDecoder, type TokenBytes } from "./token-bytes.js";
import { checkNormalizer, checkPreTokenizer, readPostProcessor, type Surroundings } from "./tokenizer-components.js";

/** A token kept whole: control tokens (`special`) and words added by hand. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/** Two tokens that become one. */
export interface Merge {
  readonly pair: readonly [string, string];
  readonly token: string;
}

/** A validated `tokenizer.json`. */
export interface TokenizerFile {
  /** As it stands in the file. */
  readonly model: Readonly<Record<string, unknown>>;
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly vocab: ReadonlyMap<string, number>;
  /** By rank. */
  readonly merges: readonly Merge[];
  readonly unkToken?: string;
  readonly addedTokens: readonly AddedToken[];
  readonly surroundings: Surroundings;
  readonly tokenBytes: TokenBytes;
}

const LARGEST_ID = 2 ** 24;

/**
 * Validates the parsed content of a `tokenizer.json` (byte-pair encoding only).
 * @throws TokenizerError naming the file, the field, what came and what was expected.
 */
export function parseTokenizerFile(content: unknown, file: string): TokenizerFile {
  const fields = new Fields(file, content, (at, reason) => new TokenizerError(at, reason));
  const model = fields.object("model");
  model.oneOf("type", ["BPE"], "BPE");
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model.string(name, "") !== "") model.fail(name, "none (subword marks are not supported)");
  }
  for (const name of ["fuse_unk", "byte_fallback", "ignore_merges"]) model.boolean(name, false);
  const vocab = readVocab(model);
  const merges = readMerges(model, vocab);
  const unkToken = model.string("unk_token", undefined);
  if (unkToken !== undefined && !vocab.has(unkToken)) model.fail("unk_token", "a token of the vocabulary");
  checkNormalizer(fields);
  checkPreTokenizer(fields);
  const addedTokens = fields.objects("added_tokens").map((token) => readAddedToken(token));
  const ids = new Map([...vocab, ...addedTokens.map((token) => [token.content, token.id] as const)]);
  const raw = content as Record<string, unknown>;
  return {
    model: raw["model"] as Record<string, unknown>,
    normalizer: raw["normalizer"] ?? null,
    preTokenizer: raw["pre_tokenizer"] ?? null,
    vocab,
    merges,
    ...(unkToken === undefined ? {} : { unkToken }),
    addedTokens,
    surroundings: readPostProcessor(fields, (token) => ids.get(token)),
    tokenBytes: readDecoder(fields),
  };
}

function readVocab(model: Fields): Map<string, number> {
  const entries = model.raw("vocab");
  if (!isObject(entries)) return model.fail("vocab", "an object of token to id");
  const vocab = new Map<string, number>();
  for (const token of Object.keys(entries)) {
    const id = entries[token];
    if (!isId(id)) {
      return model.refuse(
        `the vocabulary gives ${shown(token)} the id ${shown(id)}; expected an integer from 0 to ${LARGEST_ID - 1}`,
      );
    }
    vocab.set(token, id);
  }
  if (vocab.size === 0) model.fail("vocab", "at least one token");
  return vocab;
}

/** Merges are pairs, or in older files one string with a space between the two. */
function readMerges(model: Fields, vocab: ReadonlyMap<string, number>): Merge[] {
  const list = model.raw("merges");
  if (!Array.isArray(list)) return model.fail("merges", "a list of pairs");
  return list.map((merge: unknown, index) => {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!isPair(pair)) return model.refuse(`merge ${index} is ${shown(merge)}; expected a pair of tokens`);
    const token = pair[0] + pair[1];
    const missing = [...pair, token].find((part) => !vocab.has(part));
    if (missing !== undefined) {
      const [left, right] = pair;
      return model.refuse(
        `merge ${index} joins ${shown(left)} and ${shown(right)}, but ${shown(missing)} is not in the vocabulary`,
      );
    }
    return { pair, token };
  });
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}

/** Reads an added token; `id` is given where the file keys them by id. */
export function readAddedToken(fields: Fields, id?: number): AddedToken {
  if (id !== undefined && !isId(id))
    fields.refuse(`an added token has the id ${String(id)}; expected an integer from 0 to ${LARGEST_ID - 1}`);
  const content = fields.requiredString("content");
  if (content === "") fields.fail("content", "a token of at least one character");
  const special = fields.boolean("special", false);
  return {
    id: id ?? fields.integer("id", { min: 0, max: LARGEST_ID - 1 }),
    content,
    special,
    lstrip: fields.boolean("lstrip", false),
    rstrip: fields.boolean("rstrip", false),
    normalized: fields.boolean("normalized", !special),
  };
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < LARGEST_ID;
}
