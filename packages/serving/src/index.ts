export * from "./errors.js";
export * from "./events.js";
export * from "./request.js";
export type { Engine, EngineLimits, EngineOptions, EngineStats } from "./engine.js";
export type { ChatMessage, Detokenizer, ServedModel, ServedTokenizer } from "./served-model.js";
