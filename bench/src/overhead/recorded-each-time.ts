import { type CacheFactory } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";

/** The engine's usual cache, but one that does not say what its steps read: so they cannot be replayed. */
export const recordedEachTime: CacheFactory = (layers, device, budgetBytes) => {
  const cache = floatCache()(layers, device, budgetBytes);
  const prepare = cache.prepare.bind(cache);
  cache.prepare = (rows) => Object.defineProperty(prepare(rows), "inputs", { value: undefined });
  return cache;
};
