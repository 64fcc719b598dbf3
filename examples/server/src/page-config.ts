import { type Engine, type ServedModel } from "@whittle/serving";

/** What the page wants to know of the model before it shows anything. */
export interface PageConfig {
  readonly model: string;
  /** Tokens that a request may have, prompt included. */
  readonly contextLength: number;
  /**
   * `none`: the model has no chat template. `plain`: it has one, but roles make no difference to it, so that the model cannot tell who speaks: a base
   * model. `full`: a chat model.
   */
  readonly chat: "none" | "plain" | "full";
}

export function pageConfig({ name, contextLength, model }: Engine): PageConfig {
  return { model: name, contextLength, chat: chatOf(model) };
}

function chatOf({ tokenizer }: ServedModel): PageConfig["chat"] {
  const { chatTemplate } = tokenizer;
  if (chatTemplate === undefined) return "none";
  return chatTemplate.tellsSpeakersApart() ? "full" : "plain";
}
