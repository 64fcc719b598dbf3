import { z } from "zod";
import { invalid, renameParam } from "./api-error.js";
import { messageSchema, toMessages } from "./chat-messages.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { flag } from "./sampling-fields.js";
import { tokenIds } from "./token-input.js";

const model = z.string({ error: "must be a string" });
export const tokenizeSchema = z.object({
  model,
  prompt: z.string({ error: "must be a string" }).optional(),
  messages: z
    .array(messageSchema, { error: "must be an array of messages" })
    .min(1, { error: "must hold at least one message" })
    .optional(),
  add_special_tokens: flag.optional(),
  add_generation_prompt: flag.optional(),
  return_token_strs: flag.optional(),
});
export const detokenizeSchema = z.object({
  model,
  tokens: tokenIds,
});

/** `POST /tokenize`: ids of a text or of a chat, as vLLM has it. */
export async function tokenize(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const { ignoreUnknownFields, models, signal } = context;
  const fields = parseFields(body, { schema: tokenizeSchema, ignoreUnknownFields });
  const { prompt, messages } = fields;
  if ((prompt === undefined) === (messages === undefined))
    throw invalid(
      "prompt",
      `exactly one of prompt and messages must be given, but ${prompt === undefined ? "neither" : "both"} came`,
    );
  const { engine, prompts } = models.find(fields.model);
  try {
    const ids = messages
      ? await prompts.encodeChat(
          engine.model,
          toMessages(messages),
          { addGenerationPrompt: fields.add_generation_prompt ?? true },
          signal,
        )
      : (
          await prompts.encode(engine.model, [prompt!], { addSpecialTokens: fields.add_special_tokens ?? true }, signal)
        )[0]!;
    const { tokenizer } = engine.model;
    const text = (id: number): string =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(tokenizer.tokenBytes(id, { skipSpecialTokens: false }));
    return Response.json({
      count: ids.length,
      max_model_len: engine.contextLength,
      tokens: Array.from(ids),
      token_strs: fields.return_token_strs ? Array.from(ids, text) : null,
    });
  } catch (error) {
    throw renameParam(error, "prompt", messages ? "messages" : "prompt");
  }
}

/** `POST /detokenize`: the text of ids. */
export async function detokenize(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const { ignoreUnknownFields, models } = context;
  const fields = parseFields(body, { schema: detokenizeSchema, ignoreUnknownFields });
  const { tokenizer, model: causal } = models.find(fields.model).engine.model;
  const { vocabSize } = causal.shape;
  const wrong = fields.tokens.findIndex((id) => id >= vocabSize);
  if (wrong >= 0)
    throw invalid(`tokens[${wrong}]`, `tokens[${wrong}]: must be below ${vocabSize}, but got ${fields.tokens[wrong]}`);
  return Response.json({ prompt: tokenizer.decode(fields.tokens, { skipSpecialTokens: false }) });
}
