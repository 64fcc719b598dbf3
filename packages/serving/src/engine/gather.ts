import { type Completion, type Generation } from "../request.js";

/** Takes all pieces of an answer and joins them. */
export async function gather(generation: Generation): Promise<Completion> {
  let text = "";
  const tokens: number[] = [];
  for await (const piece of generation) {
    text += piece.text;
    tokens.push(...piece.tokens);
    if (piece.finishReason)
      return { id: generation.id, text, tokens, finishReason: piece.finishReason, usage: piece.usage! };
  }
  throw new Error("a generation ended without its last piece");
}
