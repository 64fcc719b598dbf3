import { type SampledLogprob, type TokenLogprob } from "../request.js";
import { type ServedModel } from "../served-model.js";

/** OpenAI's word for "cannot come": JSON has no infinity. */
export const LEAST = -9999;

export type Vocabulary = Pick<ServedModel["tokenizer"], "tokenBytes">;

/** `logprobs` of a chat's choice: `{ content: [{ token, logprob, bytes, top_logprobs }], refusal: null }`. */
export function chatLogprobs(sampled: readonly SampledLogprob[], vocabulary: Vocabulary): object {
  const entry = ({ token, logprob }: TokenLogprob) => {
    const bytes = bytesOf(token, vocabulary);
    return { token: textOf(bytes), logprob: Math.max(LEAST, logprob), bytes: [...bytes] };
  };
  const content = sampled.map((one) => ({ ...entry(one), top_logprobs: one.top.map(entry) }));
  return { content, refusal: null };
}

function bytesOf(id: number, vocabulary: Vocabulary): Uint8Array {
  return vocabulary.tokenBytes(id, { skipSpecialTokens: false }) ?? new Uint8Array();
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** A token as the key of an object. A piece of a character has no text of its own: OpenAI spells such tokens by their bytes, so that each keeps its key. */
export function keyOf(id: number, vocabulary: Vocabulary): string {
  const bytes = bytesOf(id, vocabulary);
  const text = textOf(bytes);
  return text.includes("\ufffd")
    ? `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`
    : text;
}
