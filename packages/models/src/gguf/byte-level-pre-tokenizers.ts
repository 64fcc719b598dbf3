/** How text is cut before byte-level merges, by the name that files have for it (`tokenizer.ggml.pre`). */
export interface ByteLevelPreTokenizer {
  /** As `tokenizer.json` has it. */
  readonly preTokenizer: object;
  /** A piece that is a token stays whole, whatever the merges. Default: false. */
  readonly ignoreMerges?: boolean;
  /** BOS comes first, unless the file says otherwise. Default: false. */
  readonly addsBos?: boolean;
}

const byteLevel = (useRegex: boolean) => ({ type: "ByteLevel", add_prefix_space: false, use_regex: useRegex });
const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });
const split = (pattern: string) =>
  sequence({ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, byteLevel(false));

const contractions = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/** Numbers in pieces of up to `digits` digits. */
const gpt4 = (digits: string) =>
  split(`${contractions}|${String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}`}|${rest}`);

const gpt2: ByteLevelPreTokenizer = { preTokenizer: byteLevel(true) };
const llama3: ByteLevelPreTokenizer = { preTokenizer: gpt4("{1,3}"), ignoreMerges: true, addsBos: true };
const smollm: ByteLevelPreTokenizer = {
  preTokenizer: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)),
};
const qwen2: ByteLevelPreTokenizer = { preTokenizer: gpt4("") };

/** Source: the names and patterns of llama.cpp's `llama-vocab.cpp`. */
export const byteLevelPreTokenizers: Readonly<Record<string, ByteLevelPreTokenizer>> = {
  "gpt-2": gpt2,
  "llama-bpe": llama3,
  llama3,
  "llama-v3": llama3,
  smollm,
  starcoder: smollm,
  refact: smollm,
  qwen2,
  "deepseek-r1-qwen": qwen2,
};
