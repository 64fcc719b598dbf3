import { randomUUID } from "node:crypto";
import { type Engine } from "../engine.js";
import {
  type EffectiveParameters,
  type FinishReason,
  type GenerateRequest,
  type Generation,
  type Piece,
} from "../request.js";
import { clientGone, toApiError } from "./api-error.js";
import { effectiveParameters } from "./effective-parameters.js";
import { eventStream } from "./event-stream.js";
import { mergePieces } from "./merge-pieces.js";
import { type RequestContext } from "./request-context.js";
import { UsageSum } from "./usage-sum.js";

/** One choice under way: words its pieces. Neither function gives the choice's `index` and `finish_reason`. */
export interface ChoiceWriter {
  /** What is sent of a piece; undefined if there is nothing to say yet. The last piece has a `finishReason`. */
  part(piece: Piece): object | undefined;
  /** What is sent with the finish reason, when all has been said. */
  readonly end: object;
  /** All its pieces so far, as one answer. */
  whole(): object;
  /** What the answer ended with, in the API's words. */
  finishReason(reason: FinishReason): string;
}

/** How an endpoint words its answers. */
export interface AnswerFormat {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The writer of the choice of this index. */
  choice(index: number): ChoiceWriter;
  /** What is sent of a choice before there is text. Default: nothing. */
  opening?(index: number): object | undefined;
}

export interface AnswerOptions {
  readonly engine: Engine;
  /** One for each prompt. */
  readonly requests: readonly GenerateRequest[];
  /** Choices for each of them. */
  readonly n: number;
  readonly format: AnswerFormat;
  /** The model's name, as the client gave it. */
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly context: RequestContext;
  /** Called once, when all choices have ended, however they did. */
  readonly onEnd?: () => void;
}

/** Submits requests and sends their answers whole or piece by piece. @throws what `engine.generate` and the generations throw */
export async function answer(options: AnswerOptions): Promise<Response> {
  const { format, model, stream, context } = options;
  const generations = submit(options);
  const head = {
    id: `${format.idPrefix}${randomUUID().replaceAll("-", "")}`,
    object: stream ? format.chunkObject : format.object,
    created: Math.floor(Date.now() / 1000),
    model,
  };
  const parameters = generations[0]!.parameters;
  context.note({ model, choices: generations.length, promptTokens: generations[0]!.promptTokens });
  return stream ? streamed(generations, head, parameters, options) : whole(generations, head, parameters, options);
}

/** All or none. */
function submit({ engine, requests, n, onEnd }: AnswerOptions): Generation[] {
  const generations: Generation[] = [];
  try {
    for (const request of requests) generations.push(...engine.generateMany(request, n));
  } catch (error) {
    for (const generation of generations) generation.cancel();
    onEnd?.();
    throw error;
  }
  return generations;
}

async function whole(
  generations: readonly Generation[],
  head: object,
  parameters: EffectiveParameters,
  { format, n, context, onEnd }: AnswerOptions,
): Promise<Response> {
  const writers = generations.map((_, index) => format.choice(index));
  const reasons: (FinishReason | undefined)[] = [];
  const usage = new UsageSum(n);
  try {
    for await (const { index, piece } of mergePieces(generations)) {
      writers[index]!.part(piece);
      if (!piece.finishReason) continue;
      if (piece.finishReason === "abort") throw clientGone();
      reasons[index] = piece.finishReason;
      usage.add(index, piece.usage!);
    }
  } finally {
    onEnd?.();
  }
  const choices = writers.map((writer, index) => ({
    index,
    ...writer.whole(),
    finish_reason: writer.finishReason(reasons[index]!),
  }));
  context.note({ completionTokens: usage.completionTokens, finishReason: choices[0]!.finish_reason });
  return Response.json({ ...head, choices, usage: usage.toJSON(), ...effectiveParameters(parameters) });
}

function streamed(
  generations: readonly Generation[],
  head: object,
  parameters: EffectiveParameters,
  { format, n, includeUsage, context, onEnd }: AnswerOptions,
): Response {
  const writers = generations.map((_, index) => format.choice(index));
  const usage = new UsageSum(n);
  const chunk = (choices: object[], sum: object | null = null): object => ({
    ...head,
    choices,
    ...(includeUsage && { usage: sum }),
  });
  const choice = (index: number, part: object, reason: string | null): object =>
    chunk([{ index, ...part, finish_reason: reason }]);
  async function* chunks(): AsyncGenerator<object> {
    // Said once, with the first chunk.
    let echo: object = effectiveParameters(parameters);
    const first = (one: object): object => {
      const told = { ...one, ...echo };
      echo = {};
      return told;
    };
    try {
      for (const index of writers.keys()) {
        const opening = format.opening?.(index);
        if (opening) yield first(choice(index, opening, null));
      }
      for await (const { index, piece } of mergePieces(generations)) {
        const writer = writers[index]!;
        const { finishReason } = piece;
        if (finishReason) usage.add(index, piece.usage!);
        const part = writer.part(piece);
        if (part) yield first(choice(index, part, null));
        if (!finishReason) continue;
        const reason = writer.finishReason(finishReason);
        context.note({ finishReason: reason });
        yield first(choice(index, writer.end, reason));
      }
      if (includeUsage) yield chunk([], usage.toJSON());
    } finally {
      context.note({ completionTokens: usage.completionTokens });
      onEnd?.();
    }
  }
  return eventStream(chunks(), {
    onFailure: (error) => {
      const apiError = toApiError(error);
      context.note({ error: apiError.code });
      if (apiError.isFault) context.onError(error);
      return apiError.body;
    },
    onCancel: () => {
      for (const generation of generations) generation.cancel();
    },
  });
}
