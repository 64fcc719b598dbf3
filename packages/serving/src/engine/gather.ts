import { type Completion, type Generation, type Piece, type SampledLogprob } from "../request.js";

/** Takes all pieces of an answer and joins them. */
export async function gather(generation: Generation): Promise<Completion> {
  let text = "";
  const tokens: number[] = [];
  const logprobs: SampledLogprob[] = [];
  let promptLogprobs: Piece["promptLogprobs"];
  for await (const piece of generation) {
    text += piece.text;
    for (const token of piece.tokens) tokens.push(token);
    for (const logprob of piece.logprobs ?? []) logprobs.push(logprob);
    promptLogprobs ??= piece.promptLogprobs;
    if (piece.finishReason) {
      const { finishReason, usage } = piece;
      const answer = { id: generation.id, text, tokens, finishReason, usage: usage! };
      const wanted = generation.parameters.logprobs !== undefined;
      return { ...answer, ...(wanted && { logprobs }), ...(promptLogprobs && { promptLogprobs }) };
    }
  }
  throw new Error("a generation ended without its last piece");
}
