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
  const key = (id: number): string => keyOf(bytesOf(id, vocabulary));
  const offsets = sampled.map(({ token }) => {
    const at = offset;
    offset += textOf(bytesOf(token, vocabulary)).length;
    return at;
  });
  const object = {
    tokens: sampled.map(({ token }) => key(token)),
    token_logprobs: sampled.map(({ logprob }) => Math.max(LEAST, logprob)),
    top_logprobs: sampled.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [key(token), Math.max(LEAST, logprob)])),
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

/** A piece of a character has no text of its own: OpenAI spells such tokens by their bytes, so that each keeps its key. */
function keyOf(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text.includes("\ufffd")
    ? `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`
    : text;
}
