import { type EffectiveParameters } from "../request.js";

/**
 * What the request really ran with, defaults of the model and the server included, under a name of our own that OpenAI's clients pass over:
 * `{ whittle: { parameters: { temperature: 0.7, max_tokens: 480, … } } }`.
 */
export function effectiveParameters(parameters: EffectiveParameters): { whittle: { parameters: object } } {
  const { logitBias, logprobs, promptLogprobs, timeoutMs } = parameters;
  return {
    whittle: {
      parameters: {
        max_tokens: parameters.maxTokens,
        min_tokens: parameters.minTokens,
        temperature: parameters.temperature,
        top_k: parameters.topK,
        top_p: parameters.topP,
        min_p: parameters.minP,
        seed: parameters.seed,
        frequency_penalty: parameters.frequencyPenalty,
        presence_penalty: parameters.presencePenalty,
        repetition_penalty: parameters.repetitionPenalty,
        stop: parameters.stop,
        ignore_eos: parameters.ignoreEos,
        ...(logitBias.size > 0 && { logit_bias: Object.fromEntries(logitBias) }),
        ...(logprobs !== undefined && { logprobs }),
        ...(promptLogprobs !== undefined && { prompt_logprobs: promptLogprobs }),
        ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
      },
    },
  };
}
