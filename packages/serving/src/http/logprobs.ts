import { type SampledLogprob, type TokenLogprob } from "../request.js";
import { type ServedModel } from "../served-model.js";

/** OpenAI's word for "cannot come": JSON has no infinity. */
const LEAST = -9999;

type Vocabulary = Pick<ServedModel["tokenizer"], "tokenBytes">;

/** `logprobs` of a chat's choice: `{ content: [{ token, logprob, bytes, top_logprobs }], refusal: null }`. */
export function chatLogprobs(sampled: readonly SampledLogprob[], vocabulary: Vocabulary): object {
  const entry = ({ token, logprob }: TokenLogprob) => {
    const bytes = bytesOf(token, vocabulary);
    return { token: textOf(bytes), logprob: Math.max(LEAST, logprob), bytes: [...bytes] };
  };
  const content = sampled.map((one) => ({ ...entry(one), top_logprobs: one.top.map(entry) }));
  return { content, refusal: null };
}

/** `logprobs` of a completion's choice; `offset` is where in the answer its first token begins. */
export function completionLogprobs(
  sampled: readonly SampledLogprob[],
  vocabulary: Vocabulary,
  offset: number,
): { object: object; offset: number } {
  const tokens = sampled.map(({ token }) => textOf(bytesOf(token, vocabulary)));
  const offsets = tokens.map((text) => {
    const at = offset;
    offset += text.length;
    return at;
  });
  const object = {
    tokens,
    token_logprobs: sampled.map(({ logprob }) => Math.max(LEAST, logprob)),
    top_logprobs: sampled.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [textOf(bytesOf(token, vocabulary)), Math.max(LEAST, logprob)])),
    ),
    text_offset: offsets,
  };
  return { object, offset };
}

function bytesOf(id: number, vocabulary: Vocabulary): Uint8Array {
  return vocabulary.tokenBytes(id, { skipSpecialTokens: false }) ?? new Uint8Array();
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
