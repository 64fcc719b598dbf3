import { loadTokenizer, type Tokenizer } from "@whittle/models";
import { type EncodeCall, type PrepareCall } from "../prompt-encoder.js";
import { answerCalls } from "./answer-calls.js";

const tokenizers = new Map<string, Promise<Tokenizer>>();

/** The tokenizer of a model's path, loaded once; a failure is not kept. */
function tokenizerOf(path: string): Promise<Tokenizer> {
  const known = tokenizers.get(path);
  if (known) return known;
  const loading = loadTokenizer(path);
  tokenizers.set(path, loading);
  loading.catch(() => tokenizers.delete(path));
  return loading;
}

answerCalls(
  async (call: EncodeCall | PrepareCall): Promise<Int32Array | Int32Array[]> => {
    if ("prepare" in call) {
      // A fault is for the first text that needs the tokenizer to tell.
      await tokenizerOf(call.prepare).catch(() => undefined);
      return [];
    }
    const { path, texts, messages, options } = call;
    const tokenizer = await tokenizerOf(path);
    if (messages !== undefined) return tokenizer.encodeChat(messages, options);
    return texts.map((text) => tokenizer.encode(text, options));
  },
  (ids) => [ids].flat().map(({ buffer }) => buffer as ArrayBuffer),
);
