import { type SchedulerPolicy } from "@whittle/core";
import { StepPlan } from "../step-plan.js";

/** Oldest request first; decode rows before prompt chunks, so that a long prompt never stops running answers. */
export const firstComeFirstServed: SchedulerPolicy = {
  name: "fcfs",
  plan(state) {
    const plan = new StepPlan(state);
    for (const request of state.running) if (request.pendingRows === 1) plan.advance(request);
    for (const request of state.running) if (request.pendingRows > 1) plan.advance(request);
    for (const request of state.waiting) if (!plan.admit(request)) break;
    return plan;
  },
};
