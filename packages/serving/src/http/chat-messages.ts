import { z } from "zod";
import { type ChatMessage } from "../served-model.js";
import { invalid } from "./api-error.js";

const text = z.string({ error: "must be a string" });
const textPart = z.strictObject({ type: z.literal("text", { error: 'must be "text"' }), text });
const functionCall = z.strictObject({
  id: text,
  type: z.literal("function", { error: 'must be "function"' }),
  function: z.strictObject({ name: text, arguments: text }),
  index: z.int().nullish(),
});

/** One message of a chat, as clients send it. */
export const messageSchema = z.strictObject(
  {
    role: z.enum(["system", "developer", "user", "assistant", "tool"], {
      error: 'must be "system", "developer", "user", "assistant" or "tool"',
    }),
    content: z.union([text, z.array(textPart)], { error: "must be a string or an array of text parts" }).nullish(),
    name: text.nullish(),
    tool_calls: z.array(functionCall, { error: "must be an array of calls" }).nullish(),
    tool_call_id: text.nullish(),
    refusal: z.null({ error: "is not supported" }).optional(),
    audio: z.null({ error: "is not supported" }).optional(),
    annotations: z.array(z.unknown()).max(0, { error: "is not supported" }).nullish(),
    function_call: z.null({ error: "is not supported" }).optional(),
  },
  { error: (issue) => (issue.code === "unrecognized_keys" ? undefined : "must be an object") },
);

type Message = z.output<typeof messageSchema>;

/** Messages as templates want them. @throws ApiError naming the message and field */
export function toMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map((message, i) => toMessage(message, `messages[${i}]`));
}

/**
 * Templates of open models know `system`, not its newer name; text parts are joined by line breaks, as other servers do; arguments of calls are objects to them, not JSON
 * texts.
 */
function toMessage(
  { role, content, name, tool_calls: calls, tool_call_id: callId }: Message,
  path: string,
): ChatMessage {
  if ((content === undefined || content === null) && !(role === "assistant" && calls && calls.length > 0))
    throw invalid(`${path}.content`, `${path}.content is missing`, "missing_required_parameter");
  if (calls && calls.length > 0 && role !== "assistant")
    throw invalid(`${path}.tool_calls`, `${path}.tool_calls: only an assistant calls tools, but the role is "${role}"`);
  if (role === "tool" && typeof callId !== "string")
    throw invalid(`${path}.tool_call_id`, `${path}.tool_call_id is missing`, "missing_required_parameter");
  return {
    role: role === "developer" ? "system" : role,
    content: typeof content === "string" ? content : (content ?? []).map((part) => part.text).join("\n"),
    ...(typeof name === "string" && { name }),
    ...(calls &&
      calls.length > 0 && {
        tool_calls: calls.map(({ id, type, function: called }) => ({
          id,
          type,
          function: { name: called.name, arguments: objectOf(called.arguments) },
        })),
      }),
    ...(typeof callId === "string" && { tool_call_id: callId }),
  };
}

/** What is no JSON object stays the text that it is: a model may have been cut off. */
function objectOf(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : json;
  } catch {
    return json;
  }
}
