export * from "./errors.js";
export * from "./events.js";
export * from "./request.js";
export { createEngine } from "./engine.js";
export type { Engine, EngineLimits, EngineOptions, EngineStats } from "./engine.js";
export { firstComeFirstServed } from "./policies/first-come-first-served.js";
export { StepPlan } from "./step-plan.js";
export type { ChatMessage, ServedModel } from "./served-model.js";
