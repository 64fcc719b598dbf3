import { type GenerateRequest } from "../request.js";

/** Fields that the engine takes as they are: the API's name and the engine's. */
export const SAME_FIELDS = [
  ["max_tokens", "maxTokens"],
  ["min_tokens", "minTokens"],
  ["temperature", "temperature"],
  ["top_p", "topP"],
  ["min_p", "minP"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  ["repetition_penalty", "repetitionPenalty"],
  ["seed", "seed"],
  ["ignore_eos", "ignoreEos"],
  ["stop", "stop"],
  ["cache_salt", "cacheSalt"],
  ["timeout_ms", "timeoutMs"],
] as const satisfies readonly (readonly [string, keyof GenerateRequest])[];

const OTHERS: Readonly<Record<string, string>> = { topK: "top_k", logitBias: "logit_bias", count: "n" };

/** The API's name of a field of the engine's. */
export function fieldName(param: string): string {
  return SAME_FIELDS.find(([, name]) => name === param)?.[0] ?? OTHERS[param] ?? param;
}
