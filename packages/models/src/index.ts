export * from "./chat-template.js";
export type { RopeConfig, RopeScaling } from "./config/rope.js";
export * from "./detokenizer.js";
export * from "./errors.js";
export * from "./generation-config.js";
export * from "./load-model.js";
export * from "./load-tokenizer.js";
export * from "./model-config.js";
export { type DecodeOptions, type DetokenizerOptions, type EncodeOptions, Tokenizer } from "./tokenizer.js";
