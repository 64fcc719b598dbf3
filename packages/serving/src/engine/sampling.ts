import { RequestError } from "../errors.js";
import { type EffectiveParameters, type GenerateRequest } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { checkNumber } from "./check-number.js";

/** How one request's tokens are drawn, every field filled in. */
export type Sampling = Pick<
  EffectiveParameters,
  | "temperature"
  | "topK"
  | "topP"
  | "minP"
  | "seed"
  | "frequencyPenalty"
  | "presencePenalty"
  | "repetitionPenalty"
  | "logitBias"
>;

const MOST_BIASES = 1024;

/** @throws RequestError naming the field */
export function resolveSampling(request: GenerateRequest, model: ServedModel): Sampling {
  const { generationConfig } = model;
  const greedy = generationConfig.doSample === false;
  const sampling = {
    temperature: request.temperature ?? (greedy ? 0 : (generationConfig.temperature ?? 1)),
    topK: request.topK ?? generationConfig.topK ?? 0,
    topP: request.topP ?? generationConfig.topP ?? 1,
    minP: request.minP ?? generationConfig.minP ?? 0,
    seed: request.seed ?? randomSeed(),
    frequencyPenalty: request.frequencyPenalty ?? 0,
    presencePenalty: request.presencePenalty ?? 0,
    repetitionPenalty: request.repetitionPenalty ?? generationConfig.repetitionPenalty ?? 1,
    logitBias: resolveBias(request.logitBias, model.model.shape.vocabSize),
  };
  checkNumber("temperature", sampling.temperature, { min: 0, max: 100 });
  checkNumber("topK", sampling.topK, { integer: true, min: 0, max: 2 ** 24 });
  checkNumber("topP", sampling.topP, { min: 0, max: 1 });
  checkNumber("minP", sampling.minP, { min: 0, max: 1 });
  checkNumber("seed", sampling.seed, { integer: true });
  checkNumber("frequencyPenalty", sampling.frequencyPenalty, { min: -2, max: 2 });
  checkNumber("presencePenalty", sampling.presencePenalty, { min: -2, max: 2 });
  checkNumber("repetitionPenalty", sampling.repetitionPenalty, { min: 0.001, max: 1000 });
  return sampling;
}

/** A row of the sampling op's `settings`: temperature, topK, topP, minP. */
export function writeSettings(into: Float32Array, row: number, { temperature, topK, topP, minP }: Sampling): void {
  const at = row * 4;
  into[at] = temperature;
  into[at + 1] = topK;
  into[at + 2] = topP;
  into[at + 3] = minP;
}

/** A row of the sampling op's `keys`: seed (low, high word), choice, position of the token that is drawn. */
export function writeKeys(into: Int32Array, row: number, seed: number, choice: number, position: number): void {
  const at = row * 4;
  into[at] = seed | 0;
  into[at + 1] = Math.floor(seed / 2 ** 32) | 0;
  into[at + 2] = choice;
  into[at + 3] = position;
}

/** A seed for a request that named none. */
function randomSeed(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

function resolveBias(bias: GenerateRequest["logitBias"], vocabSize: number): ReadonlyMap<number, number> {
  if (bias === undefined) return new Map();
  if (typeof bias !== "object" || bias === null)
    throw new RequestError("logitBias", `logitBias must map token ids to numbers, but is ${typeof bias}`);
  const given = bias instanceof Map ? bias : Object.entries(bias);
  const resolved = new Map<number, number>();
  for (const [key, value] of given as Iterable<[number | string, number]>) {
    const id = Number(key);
    if (!(Number.isInteger(id) && id >= 0 && id < vocabSize && String(id) === String(key))) {
      throw new RequestError(
        "logitBias",
        `logitBias names token ${String(key).slice(0, 60)}, but token ids are integers from 0 to ${vocabSize - 1}`,
      );
    }
    checkNumber("logitBias", value, { min: -100, max: 100 });
    resolved.set(id, value);
  }
  if (resolved.size > MOST_BIASES)
    throw new RequestError(
      "logitBias",
      `logitBias names ${resolved.size} tokens, but at most ${MOST_BIASES} are allowed`,
    );
  return resolved;
}
