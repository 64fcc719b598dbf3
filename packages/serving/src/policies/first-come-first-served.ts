import { type SchedulerPolicy } from "@whittle/core";
import { StepPlan } from "../step-plan.js";

/**
 * Oldest request first, with what keeps a long prompt from holding others up: rows of running answers come before prompts, and a prompt takes at most half of the rows that
 * are left while others are behind it, so that it takes at most about twice its time and short ones pass through beside it.
 */
export const firstComeFirstServed: SchedulerPolicy = {
  name: "fcfs",
  plan(state) {
    const plan = new StepPlan(state);
    for (const request of state.running) if (request.pendingRows === 1) plan.advance(request);
    const reading = state.running.filter(({ pendingRows }) => pendingRows > 1);
    for (const request of reading) plan.advance(request, Math.ceil(plan.rowsLeft / 2));
    for (const request of state.waiting) {
      if (plan.rowsLeft === 0) break;
      // It waits for a step under way, nobody waits for it.
      if (request.pendingRows === 0) continue;
      if (!plan.admit(request, Math.ceil(plan.rowsLeft / 2))) break;
      reading.push(request);
    }
    for (const request of reading) if (plan.rowsLeft > 0) plan.advance(request);
    return plan;
  },
};
