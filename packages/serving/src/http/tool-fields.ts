import { z } from "zod";
import { formatOf, llama3Json, type ToolFormat, toolGrammar, type ToolFunction } from "../tools/tool-format.js";
import { type ServedModel } from "../served-model.js";
import { invalid } from "./api-error.js";
import { flag } from "./sampling-fields.js";
import { named, type Structure } from "./structure-fields.js";

const MOST_TOOLS = 128;
const functionName = z
  .string({ error: "must be a string" })
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: "must be 1 to 64 letters, digits, dots, underscores and dashes" });
const tool = z.strictObject({
  type: z.literal("function", { error: 'must be "function"' }),
  function: z.strictObject({
    name: functionName,
    description: z.string({ error: "must be a string" }).nullish(),
    parameters: z.record(z.string(), z.unknown(), { error: "must be a JSON schema" }).nullish(),
    strict: flag.nullish(),
  }),
});

/** Functions that the model may call. */
export const toolFields = {
  tools: z
    .array(tool, { error: "must be an array of tools" })
    .max(MOST_TOOLS, { error: `must hold at most ${MOST_TOOLS} tools` })
    .optional(),
  tool_choice: z
    .union(
      [
        z.enum(["none", "auto", "required"]),
        z.strictObject({
          type: z.literal("function", { error: 'must be "function"' }),
          function: z.strictObject({ name: functionName }),
        }),
      ],
      { error: 'must be "none", "auto", "required" or a function' },
    )
    .optional(),
  parallel_tool_calls: flag.optional(),
};

export type ToolFields = z.output<z.ZodObject<typeof toolFields>>;

/** How a chat uses its tools. */
export interface ToolUse {
  /** As the template is to show them. */
  readonly tools: readonly unknown[];
  readonly format: ToolFormat;
  /** The answer must be a call: its grammar. Absent: the model chooses. */
  readonly forced?: Structure;
}

/** What the fields ask for; undefined if no tool may be called. @throws ApiError naming the field */
export function toolUse(fields: ToolFields, model: ServedModel): ToolUse | undefined {
  const { tools = [], tool_choice: wish = tools.length > 0 ? "auto" : "none" } = fields;
  const names = tools.map((one) => one.function.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) throw invalid(`tools[${twice}].function.name`, `two tools are named "${names[twice]}"`);
  if (wish === "none") return undefined;
  if (tools.length === 0) {
    if (wish === "auto") return undefined;
    throw invalid("tool_choice", "tool_choice asks for a call, but there are no tools");
  }
  const taught = formatOf(model.tokenizer.chatTemplate);
  const format = taught ?? llama3Json;
  const functions: ToolFunction[] = tools.map(({ function: { name, description, parameters } }) => ({
    name,
    ...(typeof description === "string" && { description }),
    ...(parameters && { parameters }),
  }));
  const shown = tools.map(({ type, function: { strict: _, ...rest } }) => ({ type, function: rest }));
  if (wish === "auto") {
    if (!taught) {
      throw invalid(
        "tools",
        'the model\'s chat template knows nothing of tools, so the model will not call one of its own accord: only tool_choice "required" or a named function is possible',
        "unsupported_value",
      );
    }
    return { tools: shown, format };
  }
  const called = wish === "required" ? functions : functions.filter(({ name }) => name === wish.function.name);
  if (called.length === 0)
    throw invalid(
      "tool_choice.function.name",
      `there is no tool "${(wish as { function: { name: string } }).function.name}"`,
    );
  const parallel = wish === "required" && (fields.parallel_tool_calls ?? true);
  return {
    tools: shown,
    format,
    forced: { grammar: named("tools", () => toolGrammar(format, called, parallel)), param: "tools" },
  };
}
