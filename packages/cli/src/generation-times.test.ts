import { type RequestEvent } from "@whittle/serving";
import { expect, test } from "vitest";
import { GenerationTimes } from "./generation-times.js";

test("prompt and text are counted apart", () => {
  const times = new GenerationTimes();
  const requestId = "a";
  times.listener({ type: "queued", requestId, timeMs: 1000, promptTokens: 100 });
  times.listener({ type: "scheduled", requestId, timeMs: 1001, cachedTokens: 0 });
  times.listener({ type: "firstToken", requestId, timeMs: 1500 });
  times.listener(finished({ timeMs: 3500, reason: "length", completionTokens: 41 }));
  expect(times.report()).toEqual([
    "prompt: 100 tokens in 0.50 s, 200.0 tokens/s",
    "text: 40 tokens in 2.00 s, 20.0 tokens/s",
  ]);
});

test("says nothing of a request that made nothing", () => {
  const times = new GenerationTimes();
  times.listener({ type: "queued", requestId: "a", timeMs: 0, promptTokens: 3 });
  times.listener(finished({ timeMs: 1, reason: "error", completionTokens: 0 }));
  expect(times.report()).toEqual([]);
});

type Finished = Extract<RequestEvent, { type: "finished" }>;

function finished(what: Pick<Finished, "timeMs" | "reason" | "completionTokens">): Finished {
  const unknown = { queueMs: undefined, prefillMs: undefined, decodeMs: undefined, inferenceMs: undefined };
  return {
    type: "finished",
    requestId: "a",
    promptTokens: 100,
    cachedTokens: 0,
    preemptions: 0,
    timings: { ...unknown, firstTokenMs: undefined, totalMs: what.timeMs },
    ...what,
  };
}
