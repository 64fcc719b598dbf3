import { ContextOverflow, RequestError } from "../errors.js";
import { type EffectiveParameters, type GenerateRequest } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { type TokenConstraint } from "../token-constraint.js";
import { checkNumber } from "./check-number.js";
import { resolveSampling } from "./sampling.js";

const MOST_LOGPROBS = 20;

/** A request checked, with every default filled in. */
export interface ResolvedRequest {
  readonly prompt: Int32Array;
  readonly parameters: EffectiveParameters;
  readonly showTokens: readonly string[];
  readonly constraint: (() => TokenConstraint) | undefined;
  readonly cacheSalt: string;
  readonly arrivalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** @throws RequestError naming the field; ContextOverflow */
export function resolveRequest(request: GenerateRequest, model: ServedModel, contextLength: number): ResolvedRequest {
  const ids = promptIds(request, model);
  const param = request.messages === undefined ? "prompt" : "messages";
  const { maxTokens, minTokens = 0, logprobs, promptLogprobs, timeoutMs, cacheSalt = "" } = request;
  if (maxTokens !== undefined) checkNumber("maxTokens", maxTokens, { integer: true, min: 0 });
  const room = contextLength - ids.length;
  // Before each id is looked at: a prompt that is far too long should cost little.
  const least = maxTokens === 0 ? 0 : 1;
  if (room < least || (maxTokens ?? 0) > room)
    throw new ContextOverflow(room < least ? param : "maxTokens", ids.length, maxTokens, contextLength);
  const prompt = checkedIds(ids, param, model.model.shape.vocabSize);
  checkNumber("minTokens", minTokens, { integer: true, min: 0, max: maxTokens ?? room });
  if (logprobs !== undefined) checkNumber("logprobs", logprobs, { integer: true, min: 0, max: MOST_LOGPROBS });
  if (promptLogprobs !== undefined)
    checkNumber("promptLogprobs", promptLogprobs, { integer: true, min: 0, max: MOST_LOGPROBS });
  if (timeoutMs !== undefined) checkNumber("timeoutMs", timeoutMs, { min: 0 });
  const { arrivalMs = performance.now() } = request;
  checkNumber("arrivalMs", arrivalMs, { max: performance.now() });
  if (typeof cacheSalt !== "string")
    throw new RequestError("cacheSalt", `cacheSalt must be a string, but is ${typeof cacheSalt}`);
  return {
    prompt,
    parameters: {
      maxTokens: maxTokens ?? room,
      minTokens,
      ignoreEos: request.ignoreEos ?? false,
      stop: stopTexts(request.stop),
      ...resolveSampling(request, model),
      logprobs,
      promptLogprobs,
      timeoutMs,
    },
    showTokens: request.showTokens ?? [],
    constraint: request.constraint,
    cacheSalt,
    arrivalMs,
    signal: request.signal,
  };
}

function promptIds({ prompt, messages }: GenerateRequest, { tokenizer }: ServedModel): ArrayLike<number> {
  if ((prompt === undefined) === (messages === undefined)) {
    throw new RequestError(
      "prompt",
      `exactly one of prompt and messages must be given, but ${prompt === undefined ? "neither" : "both"} came`,
    );
  }
  const param = messages === undefined ? "prompt" : "messages";
  const ids = messages
    ? tokenizer.encodeChat(messages)
    : typeof prompt === "string"
      ? tokenizer.encode(prompt)
      : prompt!;
  if (ids.length === 0) throw new RequestError(param, `${param} is empty: there is no token to begin with`);
  return ids;
}

function checkedIds(ids: ArrayLike<number>, param: string, vocabSize: number): Int32Array {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(Number.isInteger(id) && id >= 0 && id < vocabSize)) {
      throw new RequestError(
        param,
        `token ${i} of the prompt is ${id}, but token ids are integers from 0 to ${vocabSize - 1}`,
      );
    }
  }
  return new Int32Array(ids);
}

function stopTexts(stop: GenerateRequest["stop"]): readonly string[] {
  const stops = stop === undefined ? [] : typeof stop === "string" ? [stop] : stop;
  if (stops.some((text) => typeof text !== "string" || text === ""))
    throw new RequestError("stop", "a stop text must be a string that is not empty");
  return stops;
}
