import { ChatTemplate } from "@whittle/models";
import { type Engine } from "@whittle/serving";
import { expect, test } from "vitest";
import { pageConfig } from "./page-config.js";

function chatOf(template?: string): string {
  const chatTemplate =
    template === undefined
      ? undefined
      : new ChatTemplate({ model: "any", templates: { default: template }, tokens: { bos_token: "<s>" } });
  const model = { tokenizer: { chatTemplate } } as unknown as Engine["model"];
  return pageConfig({ name: "any", contextLength: 64, model } as Engine).chat;
}

test.each([
  ["no template", undefined, "none"],
  ["one that joins", "{{ bos_token }}{% for m in messages %}{{ m.content }}\n{% endfor %}", "plain"],
  ["one that names who speaks", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", "full"],
])("%s", (_name, template, chat) => expect(chatOf(template)).toBe(chat));
