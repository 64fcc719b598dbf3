import { detokenize, Detokenizer } from "@whittle/models";
import { type ServedModel } from "../served-model.js";

/** The id after the 256 bytes: the end of a text. */
export const END = 256;
export const BYTE_VOCABULARY = 257;

/** A token is a byte: what an id means is plain to see, and characters do split over tokens. */
export function byteTokenizer(): ServedModel["tokenizer"] {
  const encode = (text: string): Int32Array => Int32Array.from(new TextEncoder().encode(text));
  const text = {
    bytes: (id: number) => (id < END ? Uint8Array.of(id) : undefined),
    strip: { character: "", count: 0 },
  };
  return {
    eosIds: [END],
    encode,
    encodeChat: (messages) =>
      encode(messages.map(({ role, content }) => `${role}: ${String(content)}\n`).join("") + "assistant: "),
    decode: (ids) => detokenize(text, ids),
    tokenBytes: (id) => text.bytes(id),
    detokenizer: (options) => new Detokenizer(text, options?.after),
  };
}
