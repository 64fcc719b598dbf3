import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { ChatTemplateError, ChatTemplateMissing } from "./errors.js";
import { type ControlGuard } from "./text/control-guard.js";
import { strftime } from "./text/strftime.js";

/** A message as OpenAI's API has it; templates may read further fields (`tool_calls`, `name`, …). */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  /** Which template of a model that has several. Default: `tool_use` if there are tools and the model has one, else `default`. */
  readonly template?: string;
  /** Ends with the words that begin the assistant's answer. Default: true. */
  readonly addGenerationPrompt?: boolean;
  /** Tool definitions (JSON schema). Default: none. */
  readonly tools?: readonly unknown[];
  /** Further variables that the template may ask for (`enable_thinking`, …). Default: none. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface ChatTemplateOptions {
  /** How errors call the model. */
  readonly model: string;
  /** Jinja source by name; `default` is the one used when none is asked for. */
  readonly templates: Readonly<Record<string, string>>;
  /** Values of `bos_token`, `eos_token`, … in the template. */
  readonly tokens: Readonly<Record<string, string>>;
  /** The clock of `strftime_now`. Default: now. */
  readonly now?: () => Date;
}

/** What `raise_exception` of a template throws: told apart from faults of the template. */
class Refusal extends Error {}

// A template is part of a model and as trusted as its weights, but a slip such as range(10 ** 12) should be an error, not the end of the process.
const LONGEST_RANGE = 1e6;

/** A model's chat templates (Jinja, as transformers runs them). */
export class ChatTemplate {
  readonly #options: ChatTemplateOptions;
  readonly #programs = new Map<string, ReturnType<typeof parse>>();

  /** @throws ChatTemplateError if a template cannot be parsed. */
  constructor(options: ChatTemplateOptions) {
    this.#options = options;
    for (const [name, source] of Object.entries(options.templates)) {
      try {
        this.#programs.set(name, parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })));
      } catch (error) {
        throw new ChatTemplateError(
          options.model,
          `the chat template "${name}" cannot be parsed: ${(error as Error).message}`,
          { cause: error },
        );
      }
    }
  }

  get names(): readonly string[] {
    return [...this.#programs.keys()];
  }

  /** The Jinja source of a template; undefined if there is none of that name. */
  source(name = "default"): string | undefined {
    return Object.hasOwn(this.#options.templates, name) ? this.#options.templates[name] : undefined;
  }

  /**
   * Whether it makes a difference to the default template who speaks. If not, the model cannot tell a question from an answer: it was not taught to talk.
   * @throws ChatTemplateMissing if there is no default template.
   */
  tellsSpeakersApart(): boolean {
    const said = (role: string) => this.render([{ role, content: "x" }], { addGenerationPrompt: false });
    try {
      return said("user") !== said("assistant");
    } catch (error) {
      if (error instanceof ChatTemplateMissing) throw error;
      // It refuses a conversation that the assistant begins: roles matter to it.
      return true;
    }
  }

  /**
   * The conversation as one text.
   *
   * With a `guard`, what comes from the messages and tools carries marks, so that an encoder can tell it from what the template says (a `role` is
   * trusted, and therefore must be a plain word).
   * @throws ChatTemplateError if the template refuses the messages (its own words) or fails; ChatTemplateMissing if it has none of that name.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}, guard?: ControlGuard): string {
    const { tools, addGenerationPrompt = true, variables = {} } = options;
    const name = options.template ?? (tools !== undefined && this.#programs.has("tool_use") ? "tool_use" : "default");
    const program = this.#programs.get(name);
    if (program === undefined) throw new ChatTemplateMissing(this.#options.model, name, this.names);
    const scope = {
      ...variables,
      ...this.#options.tokens,
      ...this.#functions(),
      messages: messages.map((message) => this.#guarded(message, guard)),
      tools: tools === undefined ? null : guard ? guard.protectValue(tools) : tools,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
    };
    try {
      const environment = new Environment();
      for (const [variable, value] of Object.entries(scope)) environment.set(variable, value);
      return (new Interpreter(environment).run(program) as unknown as { value: string }).value;
    } catch (error) {
      const said = (error as Error).message;
      const reason =
        error instanceof Refusal
          ? `the chat template refuses the messages: ${said}`
          : `the chat template fails: ${said}`;
      throw new ChatTemplateError(this.#options.model, reason, { cause: error });
    }
  }

  #guarded(message: ChatMessage, guard: ControlGuard | undefined): Record<string, unknown> {
    if (typeof message.role !== "string" || !/^[\w-]{1,64}$/.test(message.role)) {
      throw new ChatTemplateError(
        this.#options.model,
        `the role ${JSON.stringify(message.role)} of a message is not a plain word`,
      );
    }
    return { ...(guard ? (guard.protectValue(message) as object) : message), role: message.role };
  }

  #functions(): Record<string, unknown> {
    const now = this.#options.now ?? (() => new Date());
    return {
      true: true,
      True: true,
      false: false,
      False: false,
      none: null,
      None: null,
      raise_exception: (said: unknown) => {
        throw new Refusal(String(said));
      },
      strftime_now: (format: unknown) => strftime(now(), String(format)),
      range: (...bounds: unknown[]) => range(bounds.filter((bound) => typeof bound === "number")),
    };
  }
}

/** Python's `range`. */
function range(bounds: readonly number[]): number[] {
  const [start, stop, step = 1] = bounds.length === 1 ? [0, bounds[0]!] : bounds;
  const length = Math.ceil((stop! - start!) / step);
  if (!Number.isFinite(length) || length > LONGEST_RANGE)
    throw new Error(`range(${bounds.join(", ")}) is not a list of at most ${LONGEST_RANGE} numbers`);
  return Array.from({ length: Math.max(0, length) }, (_, i) => start! + i * step);
}
