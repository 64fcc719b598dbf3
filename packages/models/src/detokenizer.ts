/** What a detokenizer must know of its tokenizer. */
export interface TokenText {
  /** UTF-8 bytes of a token, possibly a piece of a character; `undefined`: not shown. */
  bytes(id: number): Uint8Array | undefined;
  /** Up to `count` leading `character`s of a text are not shown. */
  readonly strip: { readonly character: string; readonly count: number };
}

/**
 * Turns ids into text as they come. What `push` and then `flush` return, joined, is `decode` of all the ids; no piece ends within a character.
 *
 * Bytes that are no UTF-8 become U+FFFD, one for each maximal ill-formed part (WHATWG Encoding, as in the Rust library for byte-level tokenizers).
 */
export class Detokenizer {
  readonly #tokens: TokenText;
  readonly #decoder = utf8Decoder();
  #stripsLeft: number;

  /** `after`: ids that come before; they are not shown, but the text goes on from them (so a leading space stays). */
  constructor(tokens: TokenText, after: ArrayLike<number> = []) {
    this.#tokens = tokens;
    this.#stripsLeft = tokens.strip.count;
    let from = after.length;
    // A character that is not finished has at most 3 bytes; what comes before the last 4 bytes only says that the text has begun.
    for (let bytes = 0; from > 0 && bytes < 4;) bytes += tokens.bytes(after[--from]!)?.length ?? 0;
    for (let at = from; at < after.length; at++) this.push(after[at]!);
    if (from > 0) this.#stripsLeft = 0;
  }

  /** The text that is ready once this id has come; often empty. */
  push(id: number): string {
    const bytes = this.#tokens.bytes(id);
    return bytes === undefined || bytes.length === 0 ? "" : this.#shown(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What was held back, at the end: U+FFFD for a character that never became whole, else nothing. */
  flush(): string {
    return this.#shown(this.#decoder.decode());
  }

  #shown(text: string): string {
    const { rest, stripsLeft } = strip(text, this.#tokens.strip.character, this.#stripsLeft);
    this.#stripsLeft = stripsLeft;
    return rest;
  }
}

/** All the ids at once. */
export function detokenize(tokens: TokenText, ids: Iterable<number>): string {
  const parts: Uint8Array[] = [];
  for (const id of ids) parts.push(tokens.bytes(id) ?? new Uint8Array());
  return strip(utf8Decoder().decode(Buffer.concat(parts)), tokens.strip.character, tokens.strip.count).rest;
}

function strip(text: string, character: string, count: number): { rest: string; stripsLeft: number } {
  let cut = 0;
  let stripsLeft = count;
  for (; stripsLeft > 0 && text.startsWith(character, cut) && cut < text.length; stripsLeft--) cut += character.length;
  return { rest: text.slice(cut), stripsLeft: cut < text.length ? 0 : stripsLeft };
}

function utf8Decoder() {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
