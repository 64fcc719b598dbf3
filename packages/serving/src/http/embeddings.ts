import { z } from "zod";
import { embed } from "../embed.js";
import { invalid, renameParam } from "./api-error.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { count } from "./sampling-fields.js";
import { type TokenInput, tokenInput } from "./token-input.js";

/** Texts of one request, at most (as OpenAI has it). */
const MOST_INPUTS = 2048;

export const embeddingSchema = z.object({
  model: z.string({ error: "must be a string" }),
  input: tokenInput,
  encoding_format: z.enum(["float", "base64"], { error: 'must be "float" or "base64"' }).optional(),
  dimensions: count(1).optional(),
  /** How the tokens' states become one: their mean, or the last of them. */
  pooling: z.enum(["mean", "last"], { error: 'must be "mean" or "last"' }).optional(),
  user: z.string({ error: "must be a string" }).optional(),
});

/** `POST /v1/embeddings` */
export async function embeddings(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const { ignoreUnknownFields, models, signal } = context;
  const fields = parseFields(body, { schema: embeddingSchema, ignoreUnknownFields });
  const { engine, prompts } = models.find(fields.model);
  const { hiddenSize } = engine.model.model.shape;
  if (fields.dimensions !== undefined && fields.dimensions !== hiddenSize)
    throw invalid(
      "dimensions",
      `dimensions: the model's vectors have ${hiddenSize}, and are not shortened`,
      "unsupported_value",
    );
  const inputs = inputsOf(fields.input);
  if (inputs.length === 0 || inputs.length > MOST_INPUTS)
    throw invalid("input", `input must hold 1 to ${MOST_INPUTS} texts, but holds ${inputs.length}`);
  try {
    const ids = await prompts.encode(engine.model, inputs, {}, signal);
    const vectors = await embed(engine, ids, { pooling: fields.pooling ?? "mean", signal });
    const tokens = ids.reduce((sum, { length }) => sum + length, 0);
    context.note({ model: fields.model, promptTokens: tokens });
    const shown = (vector: Float32Array): string | number[] =>
      fields.encoding_format === "base64"
        ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64")
        : Array.from(vector);
    return Response.json({
      object: "list",
      data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: shown(vector) })),
      model: fields.model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    });
  } catch (error) {
    throw renameParam(error, "prompt", "input");
  }
}

function inputsOf(input: TokenInput): readonly (string | number[])[] {
  if (typeof input === "string") return [input];
  return typeof input[0] === "number" ? [input as number[]] : (input as (string | number[])[]);
}
