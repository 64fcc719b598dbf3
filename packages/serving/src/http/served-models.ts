import { ArgumentError } from "@whittle/core";
import { type Engine } from "../engine.js";
import { type Grammars } from "../grammar/grammars.js";
import { type PromptEncoder } from "../prompt-encoder.js";
import { ApiError } from "./api-error.js";

/** An engine and what its requests need besides. */
export interface Serving {
  readonly engine: Engine;
  readonly prompts: PromptEncoder;
  readonly grammars: Grammars;
}

/** The engines behind one API, by name and alias. */
export class ServedModels {
  private readonly byName = new Map<string, Engine>();
  private readonly created = Math.floor(Date.now() / 1000);

  /** @throws ArgumentError if two engines have one name, or an alias leads nowhere. */
  constructor(
    readonly engines: readonly Engine[],
    aliases: Readonly<Record<string, string>>,
    private readonly services: Pick<Serving, "prompts" | "grammars">,
  ) {
    for (const engine of engines) this.add(engine.name, engine);
    for (const [alias, name] of Object.entries(aliases)) {
      const engine = this.byName.get(name);
      if (!engine)
        throw new ArgumentError(
          `createHandler: the alias "${alias}" is for "${name}", but the models are ${this.names()}`,
        );
      this.add(alias, engine);
    }
  }

  /** @throws ApiError 404 */
  find(name: string): Serving {
    return { engine: this.engine(name), ...this.services };
  }

  /** As `GET /v1/models` has it; `max_model_len` is vLLM's name for the context's length. */
  describe(name: string): Record<string, unknown> {
    const { contextLength } = this.engine(name);
    return { id: name, object: "model", created: this.created, owned_by: "whittle", max_model_len: contextLength };
  }

  list(): Record<string, unknown>[] {
    return [...this.byName.keys()].map((name) => this.describe(name));
  }

  private engine(name: string): Engine {
    const engine = this.byName.get(name);
    if (engine) return engine;
    throw new ApiError(404, "model_not_found", `there is no model "${name.slice(0, 200)}"; there is ${this.names()}`, {
      param: "model",
    });
  }

  private add(name: string, engine: Engine): void {
    if (this.byName.has(name)) throw new ArgumentError(`createHandler: two models are named "${name}"`);
    this.byName.set(name, engine);
  }

  private names(): string {
    return [...this.byName.keys()].map((name) => `"${name}"`).join(", ");
  }
}
