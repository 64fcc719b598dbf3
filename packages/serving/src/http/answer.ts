import { randomUUID } from "node:crypto";
import { type Engine } from "../engine.js";
import { gather } from "../engine/gather.js";
import { type FinishReason, type GenerateRequest, type Generation, type Usage } from "../request.js";
import { clientGone, toApiError } from "./api-error.js";
import { eventStream } from "./event-stream.js";

/** How an endpoint words its answers. Each function gives a choice without its `finish_reason`. */
export interface AnswerFormat {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  whole(text: string): object;
  /** Sent before there is text. */
  readonly opening?: object;
  part(text: string): object;
}

export interface AnswerOptions {
  readonly engine: Engine;
  readonly request: GenerateRequest;
  readonly format: AnswerFormat;
  /** The model's name, as the client gave it. */
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly onError: (error: unknown) => void;
}

/** Submits a request and sends the answer whole or piece by piece. @throws what `engine.generate` and the generation throw */
export async function answer(options: AnswerOptions): Promise<Response> {
  const { engine, request, format, model, stream } = options;
  const generation = engine.generate(request);
  const head = {
    id: `${format.idPrefix}${randomUUID().replaceAll("-", "")}`,
    object: stream ? format.chunkObject : format.object,
    created: Math.floor(Date.now() / 1000),
    model,
  };
  if (stream) return streamed(generation, head, options);
  const { text, finishReason, usage } = await gather(generation);
  if (finishReason === "abort") throw clientGone();
  return Response.json({ ...head, choices: [choice(format.whole(text), finishReason)], usage: toUsage(usage) });
}

function streamed(generation: Generation, head: object, { format, includeUsage, onError }: AnswerOptions): Response {
  const chunk = (choices: object[], usage: object | null = null): object => ({
    ...head,
    choices,
    ...(includeUsage && { usage }),
  });
  async function* chunks(): AsyncGenerator<object> {
    if (format.opening) yield chunk([choice(format.opening, undefined)]);
    for await (const { text, finishReason, usage } of generation) {
      if (text !== "") yield chunk([choice(format.part(text), undefined)]);
      if (finishReason) yield chunk([choice(format.part(""), finishReason)]);
      if (usage && includeUsage) yield chunk([], toUsage(usage));
    }
  }
  return eventStream(chunks(), {
    onFailure: (error) => {
      const { status, body } = toApiError(error);
      if (status >= 500) onError(error);
      return body;
    },
    onCancel: () => generation.cancel(),
  });
}

function choice(part: object, reason: FinishReason | undefined): object {
  return { ...part, finish_reason: reason ?? null };
}

function toUsage({ promptTokens, completionTokens, cachedTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
