import { z } from "zod";
import { type GenerateRequest } from "../request.js";
import { invalid } from "./api-error.js";
import { SAME_FIELDS } from "./field-names.js";
import { type RequestContext } from "./request-context.js";

export const count = (least: number) =>
  z.int({ error: "must be an integer" }).min(least, { error: `must be at least ${least}` });
export const between = (least: number, most: number) =>
  z
    .number({ error: `must be a number from ${least} to ${most}` })
    .min(least, { error: `must be a number from ${least} to ${most}` })
    .max(most, { error: `must be a number from ${least} to ${most}` });
export const flag = z.boolean({ error: "must be true or false" });

const MOST_STOPS = 16;
const LONGEST_STOP = 1024;
const MOST_CHOICES = 128;
const MOST_BIASES = 1024;
const LARGEST_ID = 2 ** 24;
const stopText = z
  .string({ error: "must be a string or an array of strings" })
  .min(1, { error: "must not be empty" })
  .max(LONGEST_STOP, { error: `must have at most ${LONGEST_STOP} characters` })
  .refine((text) => !/\p{Surrogate}/u.test(text), { error: "must not have half a character (a lone surrogate)" });

/** What both endpoints take besides the prompt. */
export const generationFields = {
  model: z.string({ error: "must be a string" }),
  max_tokens: count(1).optional(),
  min_tokens: count(0).optional(),
  temperature: between(0, 100).optional(),
  top_p: between(0, 1).optional(),
  min_p: between(0, 1).optional(),
  /** 0 and -1: all. */
  top_k: count(-1)
    .max(LARGEST_ID, { error: `must be at most ${LARGEST_ID}` })
    .optional(),
  frequency_penalty: between(-2, 2).optional(),
  presence_penalty: between(-2, 2).optional(),
  repetition_penalty: between(0.01, 100).optional(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,8}$/), between(-100, 100), {
      error: "must be an object of token ids and numbers from -100 to 100",
    })
    .refine((biases) => Object.keys(biases).length <= MOST_BIASES, { error: `must have at most ${MOST_BIASES} ids` })
    .optional(),
  seed: z
    .int({ error: `must be an integer from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}` })
    .optional(),
  n: count(1)
    .max(MOST_CHOICES, { error: `must be at most ${MOST_CHOICES}` })
    .optional(),
  ignore_eos: flag.optional(),
  stop: z
    .union([stopText, z.array(stopText)], { error: "must be a string or an array of strings" })
    .refine((stops) => typeof stops === "string" || stops.length <= MOST_STOPS, {
      error: `must be at most ${MOST_STOPS} texts`,
    })
    .optional(),
  cache_salt: z
    .string({ error: "must be a string" })
    .max(256, { error: "must have at most 256 characters" })
    .optional(),
  /** From when the request came, its reading and waiting included. */
  timeout_ms: count(1).optional(),
  stream: flag.optional(),
  stream_options: z
    .strictObject(
      {
        include_usage: flag.nullish(),
        include_obfuscation: z.literal(false, { error: "is not supported: only false is accepted" }).nullish(),
      },
      { error: (issue) => (issue.code === "unrecognized_keys" ? undefined : "must be an object") },
    )
    .optional(),
};

export type GenerationFields = z.output<z.ZodObject<typeof generationFields>>;

/** The engine's request of those fields; the server's time limit is for requests that bring none. */
export function toSampling(
  fields: GenerationFields,
  { arrivalMs, timeoutMs }: Pick<RequestContext, "arrivalMs" | "timeoutMs">,
): Omit<GenerateRequest, "prompt" | "messages" | "signal"> {
  const request: Record<string, unknown> = { arrivalMs, ...(timeoutMs !== undefined && { timeoutMs }) };
  for (const [field, name] of SAME_FIELDS) if (fields[field] !== undefined) request[name] = fields[field];
  if (fields.top_k !== undefined) request["topK"] = Math.max(0, fields.top_k);
  if (fields.logit_bias !== undefined)
    request["logitBias"] = new Map(Object.entries(fields.logit_bias).map(([id, bias]) => [Number(id), bias]));
  return request;
}

/** How the answer is to be sent. @throws ApiError if options of a stream come without one. */
export function toDelivery({ stream = false, stream_options: options }: GenerationFields): {
  stream: boolean;
  includeUsage: boolean;
} {
  if (options && !stream) throw invalid("stream_options", "stream_options is only for answers with stream: true");
  return { stream, includeUsage: options?.include_usage ?? false };
}
