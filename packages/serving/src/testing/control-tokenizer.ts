import { createTokenizer, type Tokenizer } from "@whittle/models";
import { END } from "./byte-tokenizer.js";

/** The ids of control tokens: bytes that stand in no UTF-8 text. */
const FIRST_CONTROL = 0xf8;

/**
 * A tokenizer of the real kind whose tokens are bytes and, in the place of bytes that no text has, these control tokens: the first has id 0xf8, the next 0xf9, and so on. `END` ends
 * a text.
 */
export function controlTokenizer(control: readonly string[], chatTemplate: string): Tokenizer {
  const vocab: Record<string, number> = {};
  // GPT-2 spells printable bytes as themselves and the others from U+0100 on.
  let spare = 0x100;
  for (let byte = 0; byte < END; byte++) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    const character = String.fromCharCode(printable ? byte : spare++);
    vocab[control[byte - FIRST_CONTROL] ?? character] = byte;
  }
  vocab["<|end|>"] = END;
  const special = [
    ...control.map((content, i) => ({ id: FIRST_CONTROL + i, content })),
    { id: END, content: "<|end|>" },
  ];
  return createTokenizer({
    model: "toy",
    tokenizer: {
      added_tokens: special.map((token) => ({
        ...token,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: null,
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: "BPE", unk_token: null, byte_fallback: false, ignore_merges: false, vocab, merges: [] },
    },
    config: { eos_token: "<|end|>" },
    chatTemplate,
  });
}
