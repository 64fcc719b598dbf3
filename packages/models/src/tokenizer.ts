import { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { type ChatMessage, type ChatTemplate, type RenderOptions } from "./chat-template.js";
import { Detokenizer, detokenize, type TokenText } from "./detokenizer.js";
import { ChatTemplateMissing, TokenizerError } from "./errors.js";
import { ControlGuard } from "./text/control-guard.js";
import { withoutPrepend } from "./text/tokenizer-components.js";
import { type AddedToken, type TokenizerFile } from "./text/tokenizer-file.js";
import { wordSplitter } from "./text/word-split.js";

export interface EncodeOptions {
  /** Adds what the model wants around a text (BOS, …). Default: true. */
  readonly addSpecialTokens?: boolean;
  /** Reads control tokens that stand in the text as such. Only for text that is trusted. Default: false, they are plain characters. */
  readonly parseControl?: boolean;
}

export interface DecodeOptions {
  /** Leaves out control tokens. Default: true. */
  readonly skipSpecialTokens?: boolean;
}

export interface DetokenizerOptions extends DecodeOptions {
  /** Ids that come before (the prompt): not shown, but the text goes on from them. Default: none, a new text. */
  readonly after?: ArrayLike<number>;
  /** Control tokens that are shown all the same; those that the tokenizer does not have are passed over. Default: none. */
  readonly show?: readonly string[];
}

/** What a tokenizer is made of, all of it validated. */
export interface TokenizerParts {
  /** How errors call the model, and its file. */
  readonly model: string;
  readonly file: string;
  readonly content: TokenizerFile;
  readonly addedTokens: readonly AddedToken[];
  /** Token by role: `bos_token`, `eos_token`, … */
  readonly namedTokens: Readonly<Record<string, string>>;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly chatTemplate?: ChatTemplate;
}

/** Text to ids and back, as a model's `tokenizer.json` and `tokenizer_config.json` say. Made by `loadTokenizer` or `createTokenizer`. */
export class Tokenizer {
  /** Control tokens and their ids. */
  readonly specialTokens: ReadonlyMap<string, number>;
  readonly bosId?: number;
  /** Ids that end a text, as far as the tokenizer knows; the model's own configuration may name more. */
  readonly eosIds: readonly number[];
  /** Ids are below this; a model may have more rows than that. */
  readonly vocabSize: number;
  readonly chatTemplate?: ChatTemplate;
  readonly #model: string;
  readonly #encoder: Encoder;
  readonly #guard: ControlGuard;
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #shown: TokenText;
  readonly #shownWithSpecials: TokenText;

  constructor(parts: TokenizerParts) {
    const { content, namedTokens, addedTokens } = parts;
    this.#model = parts.model;
    const special = addedTokens.filter((token) => token.special);
    this.specialTokens = new Map(special.map((token) => [token.content, token.id]));
    const idOf = (name: string): number | undefined => {
      const token = namedTokens[name];
      return token === undefined ? undefined : (this.specialTokens.get(token) ?? content.vocab.get(token));
    };
    const bos = idOf("bos_token");
    const eos = idOf("eos_token");
    if (bos !== undefined) this.bosId = bos;
    this.eosIds = eos === undefined ? [] : [eos];
    if (parts.chatTemplate !== undefined) this.chatTemplate = parts.chatTemplate;

    const { before, after } = content.surroundings;
    this.#before = parts.addBos && bos !== undefined && !before.includes(bos) ? [bos, ...before] : before;
    this.#after = parts.addEos && eos !== undefined && !after.includes(eos) ? [...after, eos] : after;

    this.#guard = new ControlGuard(this.specialTokens.keys());
    this.#encoder = createEncoder(parts, this.#guard);

    const pieces: (Uint8Array | string | undefined)[] = [];
    for (const [token, id] of content.vocab) pieces[id] = token;
    for (const token of addedTokens) pieces[token.id] = token.content;
    this.vocabSize = pieces.length;
    const specialIds = new Set(this.specialTokens.values());
    const bytes = (id: number): Uint8Array | undefined => {
      const piece = pieces[id];
      return typeof piece === "string" ? (pieces[id] = content.tokenBytes.bytesOf(piece)) : piece;
    };
    const strip = content.tokenBytes.strip;
    this.#shownWithSpecials = { bytes, strip };
    this.#shown = { bytes: (id) => (specialIds.has(id) ? undefined : bytes(id)), strip };
  }

  /** Ids of a text. @throws TokenizerError if a character has no token and the tokenizer knows no token for unknown ones. */
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { addSpecialTokens = true, parseControl = false } = options;
    const ids = this.#ids(parseControl ? text : this.#guard.protect(text));
    return Int32Array.from(addSpecialTokens ? [...this.#before, ...ids, ...this.#after] : ids);
  }

  /** Text of ids. Ids that are no token show nothing. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return detokenize(this.#text(options), ids);
  }

  /** UTF-8 bytes of one token, possibly a piece of a character; `undefined` if it shows nothing (a control token, unless `skipSpecialTokens` is false; an id that is no token). */
  tokenBytes(id: number, options: DecodeOptions = {}): Uint8Array | undefined {
    return this.#text(options).bytes(id);
  }

  /** Decodes ids one by one, as they come. */
  detokenizer(options: DetokenizerOptions = {}): Detokenizer {
    return new Detokenizer(this.#showing(options), options.after);
  }

  /**
   * The conversation as the model is to see it.
   * @throws ChatTemplateMissing, ChatTemplateError
   */
  renderChat(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    return this.#template().render(messages, options);
  }

  /**
   * Ids of a conversation. Control tokens are read in what the template says, never in what the messages and tools say. Nothing is added around it:
   * a template that wants a BOS writes it.
   * @throws ChatTemplateMissing, ChatTemplateError
   */
  encodeChat(messages: readonly ChatMessage[], options: RenderOptions = {}): Int32Array {
    return Int32Array.from(this.#ids(this.#template().render(messages, options, this.#guard)));
  }

  #template(): ChatTemplate {
    if (this.chatTemplate === undefined) throw new ChatTemplateMissing(this.#model);
    return this.chatTemplate;
  }

  #text({ skipSpecialTokens = true }: DecodeOptions): TokenText {
    return skipSpecialTokens ? this.#shown : this.#shownWithSpecials;
  }

  #showing({ show = [], ...options }: DetokenizerOptions): TokenText {
    const text = this.#text(options);
    const ids = new Set(show.flatMap((token) => this.specialTokens.get(token) ?? []));
    if (ids.size === 0) return text;
    return { ...text, bytes: (id) => (ids.has(id) ? this.#shownWithSpecials : text).bytes(id) };
  }

  #ids(text: string): number[] {
    let ids: (number | undefined)[];
    try {
      ids = this.#encoder.encode(text, { add_special_tokens: false }).ids;
    } catch (error) {
      throw new TokenizerError(this.#model, `the text cannot be encoded: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (ids.includes(undefined)) {
      throw new TokenizerError(
        this.#model,
        "the text has characters for which the vocabulary has neither a token nor an unknown token",
      );
    }
    return ids as number[];
  }
}

/** The library's encoder, kept from making control tokens out of guarded text. */
function createEncoder({ file, content, addedTokens, namedTokens }: TokenizerParts, guard: ControlGuard): Encoder {
  const special = new Set(addedTokens.filter((token) => token.special).map((token) => token.content));
  let encoder: Encoder;
  try {
    encoder = new Encoder(
      {
        model: {
          ...content.model,
          type: "BPE",
          unk_token: content.unkToken ?? null,
          // Converted LLaMA tokenizers can have merges that build "</s>" out of plain characters.
          merges: content.merges.filter(({ token }) => !special.has(token)).map(({ pair }) => pair),
        },
        normalizer: withoutPrepend(content.normalizer),
        pre_tokenizer: content.preTokenizer,
        // What surrounds a text is known as ids, and decoding is done here.
        post_processor: null,
        decoder: null,
        // Control tokens are matched in the text as it came: after normalisation there may be some that nobody wrote.
        added_tokens: addedTokens.map((token) => ({ ...token, normalized: token.normalized && !token.special })),
      },
      { ...namedTokens, clean_up_tokenization_spaces: false },
    );
  } catch (error) {
    throw new TokenizerError(file, (error as Error).message, { cause: error });
  }
  const { normalizer, pre_tokenizer: preTokenizer } = encoder;
  // The library splits a text at control tokens, normalises each part, then cuts it into pieces. Marks are needed only around the first of these,
  // but a part that reads as a control token would be taken for one until the last.
  const normalize = (text: string): string =>
    guard.mark(normalizer ? normalizer(ControlGuard.reveal(text)) : ControlGuard.reveal(text));
  // With ignore_merges a piece that is a token as a whole stays whole, so there it matters where pieces end.
  const split = wordSplitter(content.model["ignore_merges"] ? [] : content.merges.map(({ token }) => token));
  const preTokenize = (marked: string, options?: unknown): string[] => {
    const text = ControlGuard.reveal(marked);
    return (preTokenizer ? preTokenizer(text, options) : [text]).flatMap(split);
  };
  encoder.normalizer = normalize as unknown as NonNullable<typeof normalizer>;
  encoder.pre_tokenizer = preTokenize as unknown as NonNullable<typeof preTokenizer>;
  // A vocabulary may hold its control tokens too; only what was split off above may become one. The unknown token stays: it stands for characters.
  for (const token of special) if (token !== content.unkToken) encoder.model?.tokens_to_ids.delete(token);
  return encoder;
}
