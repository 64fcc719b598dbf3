import { ContextOverflow, RequestError } from "../errors.js";
import { type GenerateRequest } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { randomSeed, type Sampling } from "./sampling.js";

/** A request checked, with every default filled in. */
export interface ResolvedRequest {
  readonly prompt: Int32Array;
  readonly maxTokens: number;
  readonly stops: readonly string[];
  readonly sampling: Sampling;
  readonly signal: AbortSignal | undefined;
}

/** @throws RequestError naming the field; ContextOverflow */
export function resolveRequest(request: GenerateRequest, model: ServedModel, contextLength: number): ResolvedRequest {
  const prompt = promptIds(request, model);
  const param = request.messages === undefined ? "prompt" : "messages";
  const { maxTokens } = request;
  if (maxTokens !== undefined) checkNumber("maxTokens", maxTokens, { integer: true, min: 1 });
  const room = contextLength - prompt.length;
  if (room < 1 || (maxTokens ?? 0) > room)
    throw new ContextOverflow(room < 1 ? param : "maxTokens", prompt.length, maxTokens, contextLength);
  return {
    prompt,
    maxTokens: maxTokens ?? room,
    stops: stopTexts(request.stop),
    sampling: resolveSampling(request, model),
    signal: request.signal,
  };
}

function promptIds({ prompt, messages }: GenerateRequest, { tokenizer, model }: ServedModel): Int32Array {
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
  const { vocabSize } = model.shape;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(Number.isInteger(id) && id >= 0 && id < vocabSize)) {
      throw new RequestError(
        param,
        `token ${i} of the prompt is ${id}, but token ids are integers from 0 to ${vocabSize - 1}`,
      );
    }
  }
  return Int32Array.from(ids);
}

function stopTexts(stop: GenerateRequest["stop"]): readonly string[] {
  const stops = stop === undefined ? [] : typeof stop === "string" ? [stop] : stop;
  if (stops.some((text) => typeof text !== "string" || text === ""))
    throw new RequestError("stop", "a stop text must be a string that is not empty");
  return stops;
}

function resolveSampling(request: GenerateRequest, { generationConfig }: ServedModel): Sampling {
  const greedy = generationConfig.doSample === false;
  const sampling = {
    temperature: request.temperature ?? (greedy ? 0 : (generationConfig.temperature ?? 1)),
    topK: request.topK ?? generationConfig.topK ?? 0,
    topP: request.topP ?? generationConfig.topP ?? 1,
    minP: request.minP ?? generationConfig.minP ?? 0,
    seed: request.seed ?? randomSeed(),
  };
  checkNumber("temperature", sampling.temperature, { min: 0, max: 100 });
  checkNumber("topK", sampling.topK, { integer: true, min: 0, max: 2 ** 24 });
  checkNumber("topP", sampling.topP, { min: 0, max: 1 });
  checkNumber("minP", sampling.minP, { min: 0, max: 1 });
  checkNumber("seed", sampling.seed, { integer: true });
  return sampling;
}

function checkNumber(name: string, value: unknown, range: { integer?: boolean; min?: number; max?: number }): void {
  const { integer = false, min = -Infinity, max = Infinity } = range;
  const fits =
    typeof value === "number" &&
    value >= min &&
    value <= max &&
    (integer ? Number.isSafeInteger(value) : Number.isFinite(value));
  if (fits) return;
  const bounds = [min > -Infinity ? `at least ${min}` : "", max < Infinity ? `at most ${max}` : ""]
    .filter(Boolean)
    .join(" and ");
  throw new RequestError(
    name,
    `${name} must be ${integer ? "an integer" : "a number"}${bounds && ` of ${bounds}`}, but is ${typeof value === "number" ? value : typeof value}`,
  );
}
