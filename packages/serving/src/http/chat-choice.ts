import { type FinishReason, type Piece, type SampledLogprob } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { type AnswerPart, ToolCallParser } from "../tools/tool-call-parser.js";
import { type ToolFormat } from "../tools/tool-format.js";
import { type ChoiceWriter } from "./answer.js";
import { chatLogprobs } from "./logprobs.js";

interface Call {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; arguments: string };
}

/** Words one choice of a chat: text, and calls of tools where there are some. */
export class ChatChoice implements ChoiceWriter {
  readonly end = { delta: {}, logprobs: null };
  private content = "";
  private readonly calls: Call[] = [];
  private readonly sampled: SampledLogprob[] = [];
  private readonly parser: ToolCallParser | undefined;

  constructor(
    private readonly vocabulary: ServedModel["tokenizer"],
    tools: ToolFormat | undefined,
  ) {
    this.parser = tools && new ToolCallParser(tools);
  }

  part({ text, logprobs, finishReason }: Piece): object | undefined {
    const parts: AnswerPart[] = this.parser ? this.parser.push(text) : text === "" ? [] : [{ content: text }];
    if (this.parser && finishReason) parts.push(...this.parser.flush());
    for (const part of parts) this.keep(part);
    if (logprobs) this.sampled.push(...logprobs);
    const told = logprobs && logprobs.length > 0 ? chatLogprobs(logprobs, this.vocabulary) : null;
    return parts.length === 0 && !told ? undefined : { delta: deltaOf(parts), logprobs: told };
  }

  whole(): object {
    const { content, calls, sampled, vocabulary } = this;
    const message = {
      role: "assistant",
      content: calls.length > 0 && content === "" ? null : content,
      refusal: null,
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    return { message, logprobs: sampled.length > 0 ? chatLogprobs(sampled, vocabulary) : null };
  }

  finishReason(reason: FinishReason): string {
    return reason === "stop" && this.calls.length > 0 ? "tool_calls" : reason;
  }

  private keep(part: AnswerPart): void {
    if ("content" in part) this.content += part.content;
    else if (part.call.name !== undefined) {
      const { id, name, arguments: text } = part.call;
      this.calls.push({ id: id!, type: "function", function: { name, arguments: text } });
    } else this.calls[part.call.index]!.function.arguments += part.call.arguments;
  }
}

function deltaOf(parts: readonly AnswerPart[]): object {
  const content = parts.map((part) => ("content" in part ? part.content : "")).join("");
  const calls = parts.flatMap((part) => ("call" in part ? [part.call] : []));
  return {
    ...(content !== "" && { content }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ index, id, name, arguments: text }) =>
        name === undefined
          ? { index, function: { arguments: text } }
          : { index, id, type: "function", function: { name, arguments: text } },
      ),
    }),
  };
}
