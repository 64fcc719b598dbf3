import { type Engine } from "./engine.js";
import { gather } from "./engine/gather.js";
import { RequestError } from "./errors.js";
import { type Completion, type GenerateRequest, type Generation, type Piece } from "./request.js";
import { type ChatMessage } from "./served-model.js";

/** What every turn of a chat is asked with, unless the turn says otherwise. */
export type TurnOptions = Omit<GenerateRequest, "prompt" | "messages">;

export interface ChatOptions extends TurnOptions {
  /** How the conversation begins. Default: no messages. */
  messages?: readonly ChatMessage[];
}

/** A conversation. Its turns go through the engine like any other request; what the cache still holds of those before is not computed again. */
export interface Chat {
  /** What was said so far, by both. */
  readonly messages: readonly ChatMessage[];
  /**
   * Says something; the answer comes piece by piece and must be iterated. Once it has ended, both are part of the conversation: also an answer that was left or cancelled,
   * as far as it came. After an error neither is.
   * @throws what `engine.generate` throws; RequestError while the answer before has not ended
   */
  send(message: string | ChatMessage, options?: TurnOptions): Generation;
  /** Says something and gathers the answer. */
  complete(message: string | ChatMessage, options?: TurnOptions): Promise<Completion>;
}

/**
 * Begins a conversation with an engine's model, which must have a chat template.
 * @example
 * ```ts
 * const chat = createChat(engine, { messages: [{ role: "system", content: "Answer briefly." }], maxTokens: 200 });
 * for await (const { text } of chat.send("Who wrote Moby Dick?")) process.stdout.write(text);
 * const { usage } = await chat.complete("When?"); // usage.cachedTokens: what the first turn left in the cache
 * ```
 */
export function createChat(engine: Engine, { messages = [], ...defaults }: ChatOptions = {}): Chat {
  const said = [...messages];
  let answering = false;

  function send(message: string | ChatMessage, options: TurnOptions = {}): Generation {
    if (answering)
      throw new RequestError(undefined, "a chat takes one message at a time: let the answer before end first");
    const asked = typeof message === "string" ? { role: "user", content: message } : message;
    const generation = engine.generate({ ...defaults, ...options, messages: [...said, asked] });
    answering = true;
    return { ...generation, [Symbol.asyncIterator]: () => answer(asked, generation) };
  }

  async function* answer(asked: ChatMessage, generation: Generation): AsyncGenerator<Piece, undefined> {
    let [text, kept] = ["", false];
    try {
      for await (const piece of generation) {
        text += piece.text;
        kept = true;
        yield piece;
        kept = piece.finishReason !== undefined;
      }
      return undefined;
    } finally {
      answering = false;
      if (kept) said.push(asked, { role: "assistant", content: text });
    }
  }

  return {
    messages: said,
    send,
    complete: async (message, options) => gather(send(message, options)),
  };
}
