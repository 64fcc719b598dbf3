import { expect, test } from "vitest";
import { GenerationTimes } from "./generation-times.js";

test("prompt and text are counted apart", () => {
  const times = new GenerationTimes();
  const requestId = "a";
  times.listener({ type: "queued", requestId, timeMs: 1000, promptTokens: 100 });
  times.listener({ type: "scheduled", requestId, timeMs: 1001, cachedTokens: 0 });
  times.listener({ type: "firstToken", requestId, timeMs: 1500 });
  times.listener({ type: "finished", requestId, timeMs: 3500, reason: "length", completionTokens: 41 });
  expect(times.report()).toEqual([
    "prompt: 100 tokens in 0.50 s, 200.0 tokens/s",
    "text: 40 tokens in 2.00 s, 20.0 tokens/s",
  ]);
});

test("says nothing of a request that made nothing", () => {
  const times = new GenerationTimes();
  times.listener({ type: "queued", requestId: "a", timeMs: 0, promptTokens: 3 });
  times.listener({ type: "finished", requestId: "a", timeMs: 1, reason: "error", completionTokens: 0 });
  expect(times.report()).toEqual([]);
});
