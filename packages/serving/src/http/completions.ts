import { z } from "zod";
import { type GenerateRequest } from "../request.js";
import { answer, type AnswerFormat } from "./answer.js";
import { invalid } from "./api-error.js";
import { neutralCompletionFields } from "./neutral-fields.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { generationFields, toDelivery, toSampling } from "./sampling-fields.js";

const tokenIds = z.array(z.int({ error: "must be an integer" }));
const schema = z.object({
  ...generationFields,
  prompt: z.union([z.string(), tokenIds, z.array(z.string()), z.array(tokenIds)], {
    error: "must be a string, an array of token ids, or an array of one of these",
  }),
});

const format: AnswerFormat = {
  idPrefix: "cmpl-",
  object: "text_completion",
  chunkObject: "text_completion",
  whole: (text) => ({ index: 0, text, logprobs: null }),
  part: (text) => ({ index: 0, text, logprobs: null }),
};

/** `POST /v1/completions` */
export function completions(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const fields = parseFields(body, schema, neutralCompletionFields);
  const engine = context.models.find(fields.model);
  const request: GenerateRequest = {
    ...toSampling(fields),
    prompt: singlePrompt(fields.prompt),
    signal: context.signal,
  };
  return answer({ engine, request, format, model: fields.model, ...toDelivery(fields), onError: context.onError });
}

function singlePrompt(prompt: z.output<typeof schema>["prompt"]): string | number[] {
  if (typeof prompt === "string") return prompt;
  const [first] = prompt;
  if (first === undefined || typeof first === "number") return prompt as number[];
  if (prompt.length > 1)
    throw invalid(
      "prompt",
      `prompt holds ${prompt.length} prompts, but batches are not supported yet: send one prompt a request`,
      "unsupported_value",
    );
  return first;
}
