import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fields, shown } from "../config/fields.js";
import { createTokenizer, loadFolderTokenizer } from "../create-tokenizer.js";
import { TokenizerError } from "../errors.js";
import { type Tokenizer } from "../tokenizer.js";
import { byteLevelPreTokenizers } from "./byte-level-pre-tokenizers.js";
import { type Gguf } from "./open-gguf.js";
import { type GgufVocabulary, readVocabulary } from "./gguf-vocabulary.js";
import { mergesByScore } from "./merges-by-score.js";

/**
 * The tokenizer that a file holds: `gpt2` (byte-level BPE) or `llama` (SentencePiece's BPE). Where it holds one that cannot be built, the `tokenizer.json` beside it is used.
 * @throws TokenizerError, ChatTemplateError
 */
export async function loadGgufTokenizer(gguf: Gguf): Promise<Tokenizer> {
  const fields = new Fields(
    gguf.path,
    Object.fromEntries(gguf.metadata),
    (file, reason) => new TokenizerError(file, reason),
  );
  const built = tokenizerOf(fields);
  if (typeof built === "object") return createTokenizer({ model: gguf.path, file: gguf.path, ...built });
  const folder = dirname(gguf.path);
  const beside = await stat(join(folder, "tokenizer.json")).catch(() => undefined);
  if (beside?.isFile()) return loadFolderTokenizer(folder);
  return fields.refuse(`${built}; a tokenizer.json beside the file would be used instead, but there is none`);
}

interface Built {
  readonly tokenizer: unknown;
  readonly config: unknown;
}

/** As `tokenizer.json` and `tokenizer_config.json` have it; a string says why it cannot be built. */
function tokenizerOf(fields: Fields): Built | string {
  const kind = fields.string("tokenizer.ggml.model", undefined);
  if (kind === undefined) return `has no tokenizer ("tokenizer.ggml.model" is missing)`;
  if (kind === "gpt2") return byteLevel(fields);
  if (kind === "llama") return sentencePiece(fields);
  return `its tokenizer is of the kind ${shown(kind)}, which is not supported (gpt2 and llama are)`;
}

function byteLevel(fields: Fields): Built | string {
  const pre = fields.string("tokenizer.ggml.pre", "default");
  const known = Object.hasOwn(byteLevelPreTokenizers, pre) ? byteLevelPreTokenizers[pre] : undefined;
  if (!known)
    return `its tokenizer cuts text as ${shown(pre)} does ("tokenizer.ggml.pre"), which is not known (${Object.keys(byteLevelPreTokenizers).join(", ")} are)`;
  const vocabulary = readVocabulary(fields);
  const { preTokenizer, ignoreMerges = false, addsBos = false } = known;
  return {
    tokenizer: {
      added_tokens: addedTokensOf(vocabulary),
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", ignore_merges: ignoreMerges, vocab: idsOf(vocabulary), merges: mergesOf(fields) },
    },
    config: configOf(fields, vocabulary, addsBos),
  };
}

function sentencePiece(fields: Fields): Built | string {
  const vocabulary = readVocabulary(fields);
  const { tokens, kinds, scores } = vocabulary;
  if (!scores) return fields.fail("tokenizer.ggml.scores", "a list of as many numbers as there are tokens");
  if (fields.boolean("tokenizer.ggml.remove_extra_whitespaces", false))
    return `its tokenizer removes extra white space, which is not supported`;
  const prefixed = fields.boolean("tokenizer.ggml.add_space_prefix", true);
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const unknown = tokens[fields.tokenIds("tokenizer.ggml.unknown_token_id")[0] ?? kinds.indexOf("unknown")];
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    tokenizer: {
      added_tokens: addedTokensOf(vocabulary),
      normalizer: prefixed ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replace] } : replace,
      pre_tokenizer: null,
      post_processor: null,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          ...(prefixed ? [strip] : []),
        ],
      },
      model: {
        type: "BPE",
        ...(unknown !== undefined && { unk_token: unknown }),
        fuse_unk: true,
        byte_fallback: kinds.includes("byte"),
        vocab: idsOf(vocabulary),
        merges: mergesByScore(tokens, scores, (id) => kinds[id] === "normal"),
      },
    },
    config: configOf(fields, vocabulary, true),
  };
}

/** Where two ids have one text, the lower is the text's. */
function idsOf({ tokens }: GgufVocabulary): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id] as const).reverse());
}

function addedTokensOf({ tokens, kinds }: GgufVocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const kind = kinds[id]!;
    if (content === "" || (kind !== "control" && kind !== "unknown" && kind !== "userDefined")) return [];
    return [{ id, content, special: kind !== "userDefined", lstrip: false, rstrip: false, normalized: false }];
  });
}

/** Each `left right`, by rank; neither holds a space. */
function mergesOf(fields: Fields): [string, string][] {
  const merges = fields.raw("tokenizer.ggml.merges") ?? [];
  const expected = "a list of two tokens each, with a space between them";
  if (!Array.isArray(merges)) return fields.fail("tokenizer.ggml.merges", expected);
  return merges.map((merge: unknown, rank) => {
    const at = typeof merge === "string" ? merge.indexOf(" ", 1) : -1;
    if (at < 0) return fields.refuse(`merge ${rank} is ${shown(merge)}; expected two tokens with a space between them`);
    return [(merge as string).slice(0, at), (merge as string).slice(at + 1)];
  });
}

/** The roles of tokens, what is added around a text, and chat templates. */
function configOf(fields: Fields, { tokens }: GgufVocabulary, addsBos: boolean): object {
  const roles = { bos: "bos", eos: "eos", unk: "unknown", pad: "padding", sep: "seperator", cls: "cls", mask: "mask" };
  const named = Object.entries(roles).flatMap(([role, key]) => {
    const token = tokens[fields.tokenIds(`tokenizer.ggml.${key}_token_id`)[0] ?? -1];
    return token === undefined ? [] : [[`${role}_token`, token] as const];
  });
  const template = (name: string) => fields.string(`tokenizer.chat_template${name && `.${name}`}`, undefined);
  const others = fields.raw("tokenizer.chat_templates");
  const templates = ["", ...(Array.isArray(others) ? others.filter((name) => typeof name === "string") : [])]
    .map((name) => ({ name: name || "default", template: template(name) }))
    .filter((one) => one.template !== undefined);
  return {
    ...Object.fromEntries(named),
    add_bos_token: fields.boolean("tokenizer.ggml.add_bos_token", addsBos),
    add_eos_token: fields.boolean("tokenizer.ggml.add_eos_token", false),
    ...(templates.length > 0 && { chat_template: templates }),
  };
}
