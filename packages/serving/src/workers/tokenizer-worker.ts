import { loadTokenizer, type Tokenizer } from "@whittle/models";
import { type EncodeCall } from "../prompt-encoder.js";
import { answerCalls } from "./answer-calls.js";

const tokenizers = new Map<string, Promise<Tokenizer>>();

/** The tokenizer of a model's folder, loaded once; a failure is not kept. */
function tokenizerOf(folder: string): Promise<Tokenizer> {
  const known = tokenizers.get(folder);
  if (known) return known;
  const loading = loadTokenizer(folder);
  tokenizers.set(folder, loading);
  loading.catch(() => tokenizers.delete(folder));
  return loading;
}

answerCalls(async ({ folder, text, messages, options }: EncodeCall) => {
  const tokenizer = await tokenizerOf(folder);
  return messages === undefined ? tokenizer.encode(text, options) : tokenizer.encodeChat(messages, options);
});
