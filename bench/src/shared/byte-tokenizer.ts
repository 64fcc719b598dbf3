/**
 * A `tokenizer.json` that needs no training: byte-level, one token a byte, no merges, and made-up words that no text is encoded to fill up the vocabulary. It has no
 * control tokens, so a random model never ends by itself.
 */
export function byteTokenizer(vocabSize: number): object {
  const vocab: Record<string, number> = {};
  for (const letter of byteLetters()) vocab[letter] = Object.keys(vocab).length;
  for (let id = 256; id < vocabSize; id++) vocab[`Ġw${id}`] = id;
  return {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] },
  };
}

/** The printable character that stands for each byte (Radford et al. 2019, `bytes_to_unicode`). */
function byteLetters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
}
