import { type Fields } from "../config/fields.js";

/** How a tokenizer's pieces become text: bytes per token (whose concatenation is UTF-8), and leading characters to drop from the whole. */
export interface TokenBytes {
  /** UTF-8 bytes that a token of the model's own vocabulary stands for; a piece of a character for byte tokens. */
  bytesOf(token: string): Uint8Array;
  /** Up to `count` leading `character`s of the text are artefacts of encoding and not shown. */
  readonly strip: { readonly character: string; readonly count: number };
}

const utf8 = new TextEncoder();
const NO_STRIP = { character: " ", count: 0 };

/**
 * Reads `decoder` as a map from token to bytes. Byte-level decoders and the chains of LLaMA, Mistral and Gemma (`Replace`, `ByteFallback`, `Fuse`,
 * `Strip`, or `Metaspace`) are such maps, so decoding token by token and decoding at once give the same text.
 */
export function readDecoder(fields: Fields): TokenBytes {
  const decoder = fields.object("decoder");
  switch (decoder.oneOf("type", ["ByteLevel", "Metaspace", "Sequence"], undefined)) {
    case "ByteLevel":
      return { bytesOf: byteLevelBytes, strip: NO_STRIP };
    case "Metaspace": {
      const replacement = decoder.string("replacement", "▁");
      const scheme = decoder.oneOf("prepend_scheme", ["always", "first", "never"], "always");
      return {
        bytesOf: (token) => utf8.encode(token.replaceAll(replacement, " ")),
        strip: { character: " ", count: scheme === "never" ? 0 : 1 },
      };
    }
    case "Sequence":
      return readChain(decoder);
  }
}

const KINDS = ["Replace", "ByteFallback", "Fuse", "Strip", "ByteLevel"] as const;

function readChain(sequence: Fields): TokenBytes {
  const replacements: [string, string][] = [];
  let strip = NO_STRIP;
  let byteFallback = false;
  let byteLevel = false;
  let fused = false;
  for (const stage of sequence.objects("decoders")) {
    const kind = stage.oneOf("type", KINDS, undefined);
    // After `Fuse` there are no tokens any more: what would still look at them cannot be done token by token.
    if (fused && kind !== "Strip" && kind !== "Fuse")
      stage.refuse(`the decoder has "${kind}" after "Fuse"; expected only "Strip" there`);
    if (kind === "Replace") {
      const from = stage.object("pattern").requiredString("String");
      if (from === "") stage.refuse(`the decoder replaces the empty string; expected a character`);
      replacements.push([from, stage.string("content", "")]);
    } else if (kind === "Strip") {
      if (!fused) stage.refuse(`the decoder has "Strip" before "Fuse"; expected it after`);
      if (stage.integer("stop", { min: 0, fallback: 0 }) !== 0)
        stage.fail("stop", "0 (text streams, so its end is not known)");
      if (stage.raw("content") === "") stage.fail("content", "a character");
      strip = {
        character: stage.string("content", " "),
        count: stage.integer("start", { min: 0, max: 64, fallback: 0 }),
      };
    } else if (kind === "ByteFallback") byteFallback = true;
    else if (kind === "ByteLevel") byteLevel = true;
    else fused = true;
  }
  return {
    strip,
    bytesOf(token) {
      const byte = byteFallback ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
      if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
      const text = replacements.reduce((current, [from, to]) => current.replaceAll(from, to), token);
      return byteLevel ? byteLevelBytes(text) : utf8.encode(text);
    },
  };
}

/** GPT-2's table: printable bytes stand for themselves, the others for U+0100 and up in their order. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const table = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return table;
})();

function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token[i]!);
    if (byte === undefined) return utf8.encode(token); // not in the alphabet: it is text already
    bytes[i] = byte;
  }
  return bytes;
}
