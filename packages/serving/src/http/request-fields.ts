import type { z } from "zod";
import { chatSchema } from "./chat-completions.js";
import { completionSchema } from "./completions.js";
import { embeddingSchema } from "./embeddings.js";
import { neutralChatFields, neutralCompletionFields } from "./neutral-fields.js";
import { detokenizeSchema, tokenizeSchema } from "./tokenize.js";

/** Routes that take a JSON body. */
export type PostRoute = "/v1/completions" | "/v1/chat/completions" | "/v1/embeddings" | "/tokenize" | "/detokenize";

const schemas: Readonly<Record<PostRoute, z.ZodObject>> = {
  "/v1/completions": completionSchema,
  "/v1/chat/completions": chatSchema,
  "/v1/embeddings": embeddingSchema,
  "/tokenize": tokenizeSchema,
  "/detokenize": detokenizeSchema,
};

/** The names of the fields that each of them knows, without OpenAI's fields that change nothing. */
export const requestFields: Readonly<Record<PostRoute, readonly string[]>> = Object.fromEntries(
  Object.entries(schemas).map(([route, { shape }]) => [route, Object.keys(shape)]),
) as Record<PostRoute, string[]>;

/** The names of OpenAI's fields that each of them accepts where they change nothing. */
export const neutralFields: Readonly<Partial<Record<PostRoute, readonly string[]>>> = {
  "/v1/completions": Object.keys(neutralCompletionFields),
  "/v1/chat/completions": Object.keys(neutralChatFields),
};
