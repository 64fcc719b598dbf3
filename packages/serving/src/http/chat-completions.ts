import { z } from "zod";
import { type GenerateRequest } from "../request.js";
import { type ChatMessage } from "../served-model.js";
import { answer, type AnswerFormat } from "./answer.js";
import { invalid } from "./api-error.js";
import { neutralChatFields } from "./neutral-fields.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { generationFields, toDelivery, toSampling } from "./sampling-fields.js";

const textPart = z.strictObject({
  type: z.literal("text", { error: 'must be "text"' }),
  text: z.string({ error: "must be a string" }),
});
const noCalls = z.array(z.never(), { error: "is not supported" }).max(0, { error: "is not supported" }).nullish();
const message = z.strictObject(
  {
    role: z.enum(["system", "developer", "user", "assistant"], {
      error: 'must be "system", "developer", "user" or "assistant"',
    }),
    content: z.union([z.string(), z.array(textPart)], { error: "must be a string or an array of text parts" }),
    name: z.string({ error: "must be a string" }).nullish(),
    refusal: z.null({ error: "is not supported" }).optional(),
    audio: z.null({ error: "is not supported" }).optional(),
    function_call: z.null({ error: "is not supported" }).optional(),
    tool_calls: noCalls,
  },
  { error: (issue) => (issue.code === "unrecognized_keys" ? undefined : "must be an object") },
);
const schema = z.object({
  ...generationFields,
  max_completion_tokens: generationFields.max_tokens,
  messages: z
    .array(message, { error: "must be an array of messages" })
    .min(1, { error: "must hold at least one message" }),
});

const format: AnswerFormat = {
  idPrefix: "chatcmpl-",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  whole: (text) => ({ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null }),
  opening: { index: 0, delta: { role: "assistant", content: "" }, logprobs: null },
  part: (text) => ({ index: 0, delta: text === "" ? {} : { content: text }, logprobs: null }),
};

/** `POST /v1/chat/completions` */
export function chatCompletions(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const fields = parseFields(body, schema, neutralChatFields);
  const { max_tokens: maxTokens, max_completion_tokens: maxCompletionTokens = maxTokens } = fields;
  if (maxTokens !== undefined && maxTokens !== maxCompletionTokens) {
    throw invalid(
      "max_completion_tokens",
      `max_completion_tokens is ${maxCompletionTokens}, but max_tokens, its older name, is ${maxTokens}`,
    );
  }
  const engine = context.models.find(fields.model);
  const request: GenerateRequest = {
    ...toSampling({ ...fields, max_tokens: maxCompletionTokens }),
    messages: fields.messages.map(toMessage),
    signal: context.signal,
  };
  return answer({ engine, request, format, model: fields.model, ...toDelivery(fields), onError: context.onError });
}

/** Templates of open models know `system`, not its newer name; text parts are joined by line breaks, as other servers do. */
function toMessage({ role, content, name }: z.output<typeof message>): ChatMessage {
  return {
    role: role === "developer" ? "system" : role,
    content: typeof content === "string" ? content : content.map(({ text }) => text).join("\n"),
    ...(typeof name === "string" && { name }),
  };
}
