import { type CacheFactory, isWhittleError, WhittleError } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { createEngine, type Engine, type EngineLimits, type EngineOptions, type ServedModel } from "@whittle/serving";
import { type CacheOptions } from "./model-options.js";

export interface StartOptions extends Pick<EngineOptions, "onEvent">, Pick<EngineLimits, "cacheBytes" | "maxWaiting"> {
  readonly maxSequences: number;
}

/** An engine whose cache is as the command's options say. `cacheBytes` is what the cache has taken. */
export function startEngine(
  model: ServedModel,
  options: CacheOptions,
  { onEvent, ...limits }: StartOptions,
): { engine: Engine; cacheBytes: number } {
  let cacheBytes = 0;
  const floats = floatCache({ ...(options.cacheDtype && { dtype: options.cacheDtype }) });
  const cache: CacheFactory = (layers, device, budgetBytes) => {
    try {
      const made = floats(layers, device, budgetBytes);
      cacheBytes = made.memory().total;
      return made;
    } catch (error) {
      throw tooLittleMemory(error, options);
    }
  };
  const engine = createEngine({
    model,
    cache,
    limits: { ...limits, ...(options.ctx !== undefined && { maxContext: options.ctx }) },
    ...(onEvent && { onEvent }),
  });
  return { engine, cacheBytes };
}

function tooLittleMemory(error: unknown, { memory }: CacheOptions): unknown {
  if (!isWhittleError(error)) return error;
  const remedy =
    memory === undefined
      ? "close other programs, or choose a smaller --ctx"
      : "choose a larger --memory, or a smaller --ctx";
  return new WhittleError("too_little_memory", `too little memory for keys and values: ${remedy} (${error.message})`, {
    cause: error,
  });
}
