import { z } from "zod";
import { type RenderOptions } from "@whittle/models";
import { type GenerateRequest } from "../request.js";
import { answer, type AnswerFormat } from "./answer.js";
import { invalid, renameParam } from "./api-error.js";
import { ChatChoice } from "./chat-choice.js";
import { messageSchema, toMessages } from "./chat-messages.js";
import { neutralChatFields } from "./neutral-fields.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { count, flag, generationFields, toDelivery, toSampling } from "./sampling-fields.js";
import { constrain, grammarOf, startConstraints, structureFields } from "./structure-fields.js";
import { toolFields, toolUse } from "./tool-fields.js";

export const chatSchema = z.object({
  ...generationFields,
  ...structureFields,
  ...toolFields,
  max_completion_tokens: generationFields.max_tokens,
  messages: z
    .array(messageSchema, { error: "must be an array of messages" })
    .min(1, { error: "must hold at least one message" }),
  logprobs: flag.optional(),
  top_logprobs: count(0).max(20, { error: "must be at most 20" }).optional(),
  /** Variables of the template, such as Qwen 3's `enable_thinking`; never texts, which could bring control tokens. */
  chat_template_kwargs: z
    .record(z.string(), z.union([z.boolean(), z.number()], { error: "must be true, false or a number" }), {
      error: "must be an object",
    })
    .optional(),
});

/** `POST /v1/chat/completions` */
export async function chatCompletions(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const { ignoreUnknownFields, models, signal } = context;
  const fields = parseFields(body, { schema: chatSchema, neutral: neutralChatFields, ignoreUnknownFields });
  const { n = 1 } = fields;
  const maxTokens = maxTokensOf(fields);
  const logprobs = logprobsOf(fields);
  const delivery = toDelivery(fields);
  const { engine, prompts, grammars } = models.find(fields.model);
  const use = toolUse(fields, engine.model);
  if (use?.forced && grammarOf(fields))
    throw invalid("tool_choice", "an answer cannot be both a call of a tool and of the structure that is asked for");
  const render: RenderOptions = {
    ...(use && { tools: use.tools }),
    ...(fields.chat_template_kwargs && { variables: fields.chat_template_kwargs }),
  };
  const limits = { engine, grammars, count: n, signal };
  try {
    const prompt = await prompts.encodeChat(engine.model, toMessages(fields.messages), render, signal);
    const constraints = await (use?.forced ? startConstraints(use.forced, fields, limits) : constrain(fields, limits));
    const request: GenerateRequest = {
      ...toSampling(fields, context),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(logprobs !== undefined && { logprobs }),
      ...(constraints && { constraint: constraints.next }),
      ...(use && { showTokens: use.format.control }),
      prompt,
      signal,
    };
    const format: AnswerFormat = {
      idPrefix: "chatcmpl-",
      object: "chat.completion",
      chunkObject: "chat.completion.chunk",
      choice: () => new ChatChoice(engine.model.tokenizer, use?.format),
      opening: () => ({ delta: { role: "assistant", content: "" }, logprobs: null }),
    };
    const onEnd = constraints && { onEnd: constraints.dispose };
    return await answer({
      engine,
      requests: [request],
      n,
      format,
      model: fields.model,
      ...delivery,
      context,
      ...onEnd,
    });
  } catch (error) {
    throw renameParam(error, "prompt", "messages");
  }
}

function maxTokensOf({
  max_tokens: older,
  max_completion_tokens: newer = older,
}: z.output<typeof chatSchema>): number | undefined {
  if (older !== undefined && older !== newer) {
    throw invalid(
      "max_completion_tokens",
      `max_completion_tokens is ${newer}, but max_tokens, its older name, is ${older}`,
    );
  }
  return newer;
}

function logprobsOf({ logprobs = false, top_logprobs: top }: z.output<typeof chatSchema>): number | undefined {
  if (logprobs) return top ?? 0;
  if (top) throw invalid("top_logprobs", "top_logprobs is only for answers with logprobs: true");
  return undefined;
}
