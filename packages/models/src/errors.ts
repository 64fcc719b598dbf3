import { WhittleError } from "@whittle/core";

/** A `config.json` or `generation_config.json` that cannot be used: names the file, the field, what came and what was expected. */
export class ConfigError extends WhittleError {
  readonly file: string;

  constructor(file: string, reason: string) {
    super("config", `${file}: ${reason}`);
    this.file = file;
  }
}

/** A tokenizer file that cannot be used, or text and ids that do not fit the tokenizer: names the file and what is wrong. */
export class TokenizerError extends WhittleError {
  readonly file: string;

  constructor(file: string, reason: string, options?: ErrorOptions) {
    super("tokenizer", `${file}: ${reason}`, options);
    this.file = file;
  }
}

/** A chat template that cannot be parsed, or that refuses the messages (`raise_exception`): carries the template's own words. */
export class ChatTemplateError extends WhittleError {
  readonly model: string;

  constructor(model: string, reason: string, options?: ErrorOptions) {
    super("chat_template", `${model}: ${reason}`, options);
    this.model = model;
  }
}

/** The model has no chat template (of that name): it completes text, but answers no chats. */
export class ChatTemplateMissing extends WhittleError {
  readonly model: string;

  constructor(model: string, wanted?: string, known: readonly string[] = []) {
    super(
      "chat_template_missing",
      wanted === undefined
        ? `${model}: the model has no chat template, so it cannot answer chat messages; ask it to complete text instead`
        : `${model}: the model has no chat template named "${wanted}" (it has ${known.map((name) => `"${name}"`).join(", ") || "none"})`,
    );
    this.model = model;
  }
}
