export * from "./errors.js";
export * from "./generation-config.js";
export * from "./model-config.js";
export type { RopeConfig, RopeScaling } from "./config/rope.js";
