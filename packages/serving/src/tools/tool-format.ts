import { type ChatTemplate } from "@whittle/models";
import { choice, EbnfBuilder, literal } from "../grammar/ebnf.js";
import { schemaRule } from "../grammar/json-schema.js";

/** A function that the model may call, as OpenAI's API has it. */
export interface ToolFunction {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of its arguments. Default: no arguments. */
  readonly parameters?: unknown;
}

/** How a family of models writes its calls. */
export interface ToolFormat {
  readonly name: string;
  /** A template that has one of these words teaches the model this format. */
  readonly signs: readonly string[];
  /** Begins the calls, anywhere in a text. */
  readonly marker: string;
  /** Ends each call, besides its own last brace. */
  readonly end?: string;
  /** Control tokens that must be seen to read calls, where the tokenizer has them as such. */
  readonly control: readonly string[];
  /** Whether calls stand in an array after the marker. */
  readonly array: boolean;
  /** Whether a call may also be `name[ARGS]{…}` after the marker. */
  readonly named: boolean;
  /** Whether a text that begins as a call does is one, without the marker. */
  readonly bare: boolean;
  /** The key of a call's arguments. */
  readonly argumentsKey: "arguments" | "parameters";
  /** The length of a call's id that its templates insist on. */
  readonly idLength: number;
}

/** Hermes 2 and 3, Qwen 2.5 and 3: `<tool_call>{"name": …, "arguments": …}</tool_call>`. */
export const hermes: ToolFormat = {
  name: "hermes",
  signs: ["<tool_call>"],
  marker: "<tool_call>",
  end: "</tool_call>",
  control: ["<tool_call>", "</tool_call>"],
  array: false,
  named: false,
  bare: false,
  argumentsKey: "arguments",
  idLength: 24,
};

/**
 * Mistral and Mixtral: `[TOOL_CALLS][{"name": …, "arguments": …}]`, and since 2025 (Small 3.2, Devstral, Ministral 3) `[TOOL_CALLS]name[ARGS]{…}` for each call. Their templates refuse
 * ids that are not of nine letters and digits.
 */
export const mistral: ToolFormat = {
  name: "mistral",
  signs: ["[TOOL_CALLS]"],
  marker: "[TOOL_CALLS]",
  control: ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
  array: true,
  named: true,
  bare: true,
  argumentsKey: "arguments",
  idLength: 9,
};

/** Llama 3.1 and later: `{"name": …, "parameters": …}` as the whole answer, sometimes after a control token. */
export const llama3Json: ToolFormat = {
  name: "llama3_json",
  signs: ["<|python_tag|>", '"parameters": dictionary'],
  marker: "<|python_tag|>",
  control: ["<|python_tag|>"],
  array: false,
  named: false,
  bare: true,
  argumentsKey: "parameters",
  idLength: 24,
};

const toolFormats: readonly ToolFormat[] = [hermes, mistral, llama3Json];

/** The format that a model's template teaches; undefined if it knows nothing of tools. */
export function formatOf(template: ChatTemplate | undefined): ToolFormat | undefined {
  const source = template?.source("tool_use") ?? template?.source("default");
  if (source === undefined) return undefined;
  const taught = toolFormats.find(({ signs }) => signs.some((sign) => source.includes(sign)));
  return taught ?? (/\btools\b/.test(source) ? llama3Json : undefined);
}

/** A grammar of at least one call of these functions (exactly one, unless `parallel`). @throws GrammarError with a path that begins with the tool's index */
export function toolGrammar(format: ToolFormat, tools: readonly ToolFunction[], parallel: boolean): string {
  const builder = new EbnfBuilder();
  const calls = tools.map(({ name, parameters }) => {
    const values = parameters === undefined ? literal("{}") : schemaRule(parameters, builder);
    const head = literal(`{"name": ${JSON.stringify(name)}, "${format.argumentsKey}": `);
    return builder.rule(`${head} ${values} ${literal("}")}`);
  });
  const call = builder.rule(choice(calls));
  if (format.array) return builder.grammar(`"[" ${call}${parallel ? ` (", " ${call})*` : ""} "]"`);
  if (format.end === undefined) return builder.grammar(call);
  const framed = builder.rule(`${literal(`${format.marker}\n`)} ${call} ${literal(`\n${format.end}`)}`);
  return builder.grammar(`${framed}${parallel ? ` (${literal("\n")} ${framed})*` : ""}`);
}
