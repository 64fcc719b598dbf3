import { z } from "zod";
import { type GenerateRequest } from "../request.js";
import { invalid } from "./api-error.js";

const count = (least: number) =>
  z.int({ error: "must be an integer" }).min(least, { error: `must be at least ${least}` });
const between = (least: number, most: number) =>
  z
    .number({ error: `must be a number from ${least} to ${most}` })
    .min(least, { error: `must be a number from ${least} to ${most}` })
    .max(most, { error: `must be a number from ${least} to ${most}` });

const MOST_STOPS = 16;
const LONGEST_STOP = 1024;
const stopText = z
  .string({ error: "must be a string or an array of strings" })
  .min(1, { error: "must not be empty" })
  .max(LONGEST_STOP, { error: `must have at most ${LONGEST_STOP} characters` })
  .refine((text) => !/\p{Surrogate}/u.test(text), { error: "must not have half a character (a lone surrogate)" });

/** What both endpoints take besides the prompt. */
export const generationFields = {
  model: z.string({ error: "must be a string" }),
  max_tokens: count(1).optional(),
  temperature: between(0, 100).optional(),
  top_p: between(0, 1).optional(),
  min_p: between(0, 1).optional(),
  /** 0 and -1: all. */
  top_k: count(-1)
    .max(2 ** 24, { error: `must be at most ${2 ** 24}` })
    .optional(),
  seed: z
    .int({ error: `must be an integer from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}` })
    .optional(),
  stop: z
    .union([stopText, z.array(stopText)], { error: "must be a string or an array of strings" })
    .refine((stops) => typeof stops === "string" || stops.length <= MOST_STOPS, {
      error: `must be at most ${MOST_STOPS} texts`,
    })
    .optional(),
  stream: z.boolean({ error: "must be true or false" }).optional(),
  stream_options: z
    .strictObject(
      {
        include_usage: z.boolean({ error: "must be true or false" }).nullish(),
        include_obfuscation: z.literal(false, { error: "is not supported: only false is accepted" }).nullish(),
      },
      { error: (issue) => (issue.code === "unrecognized_keys" ? undefined : "must be an object") },
    )
    .optional(),
};

export type GenerationFields = z.output<z.ZodObject<typeof generationFields>>;

/** The engine's request of those fields. */
export function toSampling(fields: GenerationFields): Omit<GenerateRequest, "prompt" | "messages" | "signal"> {
  return {
    ...(fields.max_tokens !== undefined && { maxTokens: fields.max_tokens }),
    ...(fields.temperature !== undefined && { temperature: fields.temperature }),
    ...(fields.top_p !== undefined && { topP: fields.top_p }),
    ...(fields.min_p !== undefined && { minP: fields.min_p }),
    ...(fields.top_k !== undefined && { topK: Math.max(0, fields.top_k) }),
    ...(fields.seed !== undefined && { seed: fields.seed }),
    ...(fields.stop !== undefined && { stop: fields.stop }),
  };
}

/** How the answer is to be sent. @throws ApiError if options of a stream come without one. */
export function toDelivery({ stream = false, stream_options: options }: GenerationFields): {
  stream: boolean;
  includeUsage: boolean;
} {
  if (options && !stream) throw invalid("stream_options", "stream_options is only for answers with stream: true");
  return { stream, includeUsage: options?.include_usage ?? false };
}
