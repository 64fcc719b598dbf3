import { z } from "zod";
import { type Engine } from "../engine.js";
import { choice, EbnfBuilder, literal } from "../grammar/ebnf.js";
import { GrammarError } from "../grammar/grammar-error.js";
import { type GrammarConstraint } from "../grammar/grammar-constraint.js";
import { type Grammars } from "../grammar/grammars.js";
import { jsonObjectGrammar, jsonSchemaGrammar } from "../grammar/json-schema.js";
import { regexGrammar } from "../grammar/regex.js";
import { type TokenConstraint } from "../token-constraint.js";
import { invalid } from "./api-error.js";
import { flag, type GenerationFields } from "./sampling-fields.js";

const LONGEST_PATTERN = 4096;
const MOST_CHOICES = 1000;

const schemaObject = z.union([z.record(z.string(), z.unknown()), z.boolean()], { error: "must be a JSON schema" });
const patternText = z
  .string({ error: "must be a string" })
  .max(LONGEST_PATTERN, { error: `must have at most ${LONGEST_PATTERN} characters` });
const texts = z
  .array(z.string({ error: "must be a string" }).min(1, { error: "must not be empty" }), {
    error: "must be an array of strings",
  })
  .min(1, { error: "must hold at least one text" })
  .max(MOST_CHOICES, { error: `must hold at most ${MOST_CHOICES} texts` });
const jsonText = z.union([z.string(), z.record(z.string(), z.unknown()), z.boolean()], {
  error: "must be a JSON schema",
});
const objectOnly = (issue: { code?: string }) => (issue.code === "unrecognized_keys" ? undefined : "must be an object");

/** How an answer is to be built: OpenAI's `response_format`, and vLLM's names for more. */
export const structureFields = {
  response_format: z
    .discriminatedUnion(
      "type",
      [
        z.strictObject({ type: z.literal("text") }),
        z.strictObject({ type: z.literal("json_object") }),
        z.strictObject({
          type: z.literal("json_schema"),
          json_schema: z.strictObject(
            {
              name: z.string({ error: "must be a string" }).max(64, { error: "must have at most 64 characters" }),
              description: z.string({ error: "must be a string" }).nullish(),
              schema: schemaObject.nullish(),
              strict: flag.nullish(),
            },
            { error: objectOnly },
          ),
        }),
      ],
      { error: 'must be an object with the type "text", "json_object" or "json_schema"' },
    )
    .optional(),
  guided_json: jsonText.optional(),
  guided_regex: patternText.optional(),
  guided_choice: texts.optional(),
  structured_outputs: z
    .strictObject(
      { json: jsonText.nullish(), regex: patternText.nullish(), choice: texts.nullish(), json_object: flag.nullish() },
      { error: objectOnly },
    )
    .optional(),
};

export type StructureFields = z.output<z.ZodObject<typeof structureFields>>;

/** The grammar that the fields ask for. @throws ApiError naming the field: two that ask for different things, or one of which no grammar can be made */
export function grammarOf(fields: StructureFields): Structure | undefined {
  const { response_format: format, structured_outputs: outputs } = fields;
  const wishes: [param: string, make: () => string][] = [];
  if (format?.type === "json_object") wishes.push(["response_format", jsonObjectGrammar]);
  if (format?.type === "json_schema")
    wishes.push(["response_format.json_schema.schema", () => jsonSchemaGrammar(format.json_schema.schema ?? true)]);
  const both = {
    guided_json: fields.guided_json,
    guided_regex: fields.guided_regex,
    guided_choice: fields.guided_choice,
    "structured_outputs.json": outputs?.json,
    "structured_outputs.regex": outputs?.regex,
    "structured_outputs.choice": outputs?.choice,
  };
  for (const [param, wish] of Object.entries(both)) {
    if (wish === undefined || wish === null) continue;
    if (Array.isArray(wish)) wishes.push([param, () => choiceGrammar(wish)]);
    else if (param.endsWith("regex")) wishes.push([param, () => regexGrammar(wish as string, { path: "" })]);
    else wishes.push([param, () => jsonSchemaGrammar(typeof wish === "string" ? parsed(wish, param) : wish)]);
  }
  if (outputs?.json_object) wishes.push(["structured_outputs.json_object", jsonObjectGrammar]);
  const [first, second] = wishes;
  if (!first) return undefined;
  if (second)
    throw invalid(second[0], `${second[0]} and ${first[0]} ask for two different structures: only one is possible`);
  return { grammar: named(first[0], first[1]), param: first[0] };
}

/** Constraints for the answers of one request, handed out one by one. */
export interface Constraints {
  readonly next: () => TokenConstraint;
  readonly dispose: () => void;
}

export interface ConstrainOptions {
  readonly engine: Engine;
  readonly grammars: Grammars;
  /** Answers. */
  readonly count: number;
  readonly signal: AbortSignal;
}

/** A structure that an answer is to have: its grammar, and the field that asks for it. */
export interface Structure {
  readonly grammar: string;
  readonly param: string;
}

type LengthFields = Pick<GenerationFields, "ignore_eos" | "min_tokens">;

/** Starts what the fields ask for; undefined if they ask for nothing. @throws ApiError */
export async function constrain(
  fields: StructureFields & LengthFields,
  options: ConstrainOptions,
): Promise<Constraints | undefined> {
  const structure = grammarOf(fields);
  return structure && startConstraints(structure, fields, options);
}

export async function startConstraints(
  { grammar, param }: Structure,
  { ignore_eos: ignoreEos, min_tokens: minTokens }: LengthFields,
  { engine, grammars, count, signal }: ConstrainOptions,
): Promise<Constraints> {
  const longer = ignoreEos ? "ignore_eos" : minTokens ? "min_tokens" : undefined;
  if (longer) throw invalid(longer, `${longer}: an answer that ${param} gives a structure ends where that does`);
  let started: readonly GrammarConstraint[];
  try {
    started = await grammars.start(engine.model, grammar, { count, signal });
  } catch (error) {
    throw error instanceof GrammarError ? refused(param, error) : error;
  }
  let given = 0;
  const dispose = (): void => {
    for (const one of started) one.dispose();
  };
  return { next: () => started[given++ % count]!, dispose };
}

/** What `make` gives; its GrammarError names the field. */
export function named(param: string, make: () => string): string {
  try {
    return make();
  } catch (error) {
    throw error instanceof GrammarError ? refused(param, error) : error;
  }
}

function refused(param: string, { path, message }: GrammarError): Error {
  const field = path === "" ? param : `${param}.${path}`;
  return invalid(field, `${field}: ${message}`, "unsupported_structure");
}

function choiceGrammar(wanted: readonly string[]): string {
  return new EbnfBuilder().grammar(choice(wanted.map(literal)));
}

function parsed(json: string, param: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw invalid(param, `${param} is no JSON`);
  }
}
