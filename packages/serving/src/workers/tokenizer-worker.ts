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

answerCalls(async ({ folder, texts, messages, options }: EncodeCall) => {
  const tokenizer = await tokenizerOf(folder);
  if (messages !== undefined) return tokenizer.encodeChat(messages, options);
  return texts.map((text) => tokenizer.encode(text, options));
});
