export * from "./ops/index.js";
export { floatCache, type FloatCacheOptions } from "./float-cache.js";
