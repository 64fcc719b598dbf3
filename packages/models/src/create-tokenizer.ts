import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ChatTemplate } from "./chat-template.js";
import { Fields, isObject } from "./config/fields.js";
import { readJson, readJsonIfThere } from "./config/read-json.js";
import { TokenizerError } from "./errors.js";
import { type AddedToken, parseTokenizerFile, readAddedToken } from "./text/tokenizer-file.js";
import { Tokenizer } from "./tokenizer.js";

export interface TokenizerSources {
  /** The model's folder (or name), for errors: those about files give it whole, those that reach the users of a server only its last part. */
  readonly model: string;
  /** Where the tokenizer stands, for errors. Default: `tokenizer.json` in that folder. */
  readonly file?: string;
  /** Parsed `tokenizer.json`. */
  readonly tokenizer: unknown;
  /** Parsed `tokenizer_config.json`. Default: empty. */
  readonly config?: unknown;
  /** Text of `chat_template.jinja`, which comes before the template of the configuration. Default: none. */
  readonly chatTemplate?: string;
  /** The clock that templates see. Default: now. */
  readonly now?: () => Date;
}

const NAMED = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];

/**
 * Makes a tokenizer of the contents of its files.
 *
 * BOS is added as the post-processor says; where that adds none, `add_bos_token: true` does (LLaMA, `books-5m`).
 * @throws TokenizerError for anything broken or not supported, ChatTemplateError for a template that cannot be parsed.
 */
export function createTokenizer(sources: TokenizerSources): Tokenizer {
  const { model, file = join(model, "tokenizer.json"), tokenizer, config = {}, chatTemplate, now } = sources;
  const content = attempt(file, () => parseTokenizerFile(tokenizer, file));
  const fields = new Fields(sources.file ?? join(model, "tokenizer_config.json"), config, tokenizerError);
  const namedTokens: Record<string, string> = {};
  for (const name of NAMED) {
    const token = tokenString(fields, name);
    if (token !== undefined) namedTokens[name] = token;
  }
  const templates = { ...templatesOf(fields), ...(chatTemplate === undefined ? {} : { default: chatTemplate }) };
  const name = basename(resolve(model));
  return new Tokenizer({
    model: name,
    file,
    content,
    addedTokens: addedTokensOf(content.addedTokens, content.vocab, fields, Object.values(namedTokens)),
    namedTokens,
    addBos: fields.boolean("add_bos_token", false),
    addEos: fields.boolean("add_eos_token", false),
    ...(Object.keys(templates).length === 0
      ? {}
      : { chatTemplate: new ChatTemplate({ model: name, templates, tokens: namedTokens, ...(now ? { now } : {}) }) }),
  });
}

/**
 * The tokenizer in a Hugging Face folder: `tokenizer.json`, and if they are there `tokenizer_config.json` and `chat_template.jinja`.
 * @throws TokenizerError, ChatTemplateError
 */
export async function loadFolderTokenizer(folder: string): Promise<Tokenizer> {
  const fail = (name: string) => (reason: string) => new TokenizerError(join(folder, name), reason);
  const [tokenizer, config, chatTemplate] = await Promise.all([
    readJson(join(folder, "tokenizer.json"), fail("tokenizer.json")),
    readJsonIfThere(join(folder, "tokenizer_config.json"), fail("tokenizer_config.json")),
    readFile(join(folder, "chat_template.jinja"), "utf8").catch(() => undefined),
  ]);
  return createTokenizer({ model: folder, tokenizer, config, ...(chatTemplate === undefined ? {} : { chatTemplate }) });
}

const tokenizerError = (file: string, reason: string): Error => new TokenizerError(file, reason);

/** Deeply nested files exhaust the stack: that is an error of the file. */
function attempt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new TokenizerError(file, "is nested too deeply", { cause: error });
    throw error;
  }
}

/** A token as a string, or as the object that older files have. */
function tokenString(fields: Fields, name: string): string | undefined {
  return isObject(fields.raw(name)) ? fields.object(name).requiredString("content") : fields.string(name, undefined);
}

function templatesOf(fields: Fields): Record<string, string> {
  const template = fields.raw("chat_template");
  if (template === undefined) return {};
  if (typeof template === "string") return { default: template };
  if (!Array.isArray(template)) return fields.fail("chat_template", "a string or a list of named templates");
  return Object.fromEntries(
    fields.objects("chat_template").map((one) => [one.requiredString("name"), one.requiredString("template")]),
  );
}

/** The tokens of `tokenizer.json`, those that `added_tokens_decoder` knows besides, and those with a role: the last are control tokens whatever their flag. */
function addedTokensOf(
  listed: readonly AddedToken[],
  vocab: ReadonlyMap<string, number>,
  fields: Fields,
  named: readonly string[],
): AddedToken[] {
  const tokens = new Map(listed.map((token) => [token.content, token]));
  if (fields.has("added_tokens_decoder")) {
    const decoder = fields.object("added_tokens_decoder");
    for (const id of Object.keys(fields.raw("added_tokens_decoder") as object)) {
      const token = readAddedToken(decoder.object(id), Number(id));
      const known = tokens.get(token.content);
      tokens.set(token.content, known ? { ...known, special: known.special || token.special } : token);
    }
  }
  const more = fields.raw("additional_special_tokens");
  for (const content of [...named, ...(Array.isArray(more) ? more.filter((one) => typeof one === "string") : [])]) {
    const id = tokens.get(content)?.id ?? vocab.get(content);
    const flags = tokens.get(content) ?? { content, lstrip: false, rstrip: false, normalized: false };
    if (id !== undefined && content !== "") tokens.set(content, { ...flags, id, special: true });
  }
  return [...tokens.values()];
}
