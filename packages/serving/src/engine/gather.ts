import { type Completion, type Generation, type SampledLogprob } from "../request.js";

/** Takes all pieces of an answer and joins them. */
export async function gather(generation: Generation): Promise<Completion> {
  let text = "";
  const tokens: number[] = [];
  const logprobs: SampledLogprob[] = [];
  for await (const piece of generation) {
    text += piece.text;
    for (const token of piece.tokens) tokens.push(token);
    for (const logprob of piece.logprobs ?? []) logprobs.push(logprob);
    if (piece.finishReason) {
      const { finishReason, usage } = piece;
      const answer = { id: generation.id, text, tokens, finishReason, usage: usage! };
      return generation.parameters.logprobs === undefined ? answer : { ...answer, logprobs };
    }
  }
  throw new Error("a generation ended without its last piece");
}
