import { type EngineStats } from "@whittle/serving";
import { expect, test } from "vitest";
import { StatsFeed } from "./stats-feed.js";

function feedOf(stats: Partial<EngineStats>) {
  const engine = { stats: () => ({ ...idle, ...stats }) };
  return { feed: new StatsFeed(engine), set: (next: Partial<EngineStats>) => Object.assign(stats, next) };
}

const idle = {
  running: 0,
  waiting: 0,
  blocks: { free: 100, total: 100 },
  steps: 0,
  failedSteps: 0,
  preemptions: 0,
  promptTokens: 0,
  generatedTokens: 0,
  finishedRequests: 0,
} as EngineStats;

test("rates are since the sample before", () => {
  const { feed, set } = feedOf({});
  feed.sample(1000);
  set({ generatedTokens: 50, promptTokens: 200, running: 2, waiting: 1, blocks: { free: 75, total: 100 } });
  expect(feed.sample(1500)).toEqual({
    generatedPerSecond: 100,
    promptPerSecond: 400,
    running: 2,
    waiting: 1,
    cacheUsed: 0.25,
    firstTokenMs: null,
  });
  expect(feed.sample(2500)).toMatchObject({ generatedPerSecond: 0, promptPerSecond: 0 });
});

test("the time to first token is the last request's, waiting included", () => {
  const { feed } = feedOf({});
  feed.onEvent({ type: "queued", requestId: "a", timeMs: 100, promptTokens: 3 });
  feed.onEvent({ type: "queued", requestId: "b", timeMs: 150, promptTokens: 3 });
  feed.onEvent({ type: "firstToken", requestId: "a", timeMs: 180 });
  expect(feed.sample(200).firstTokenMs).toBe(80);
  feed.onEvent({ type: "firstToken", requestId: "b", timeMs: 290 });
  expect(feed.sample(300).firstTokenMs).toBe(140);
});

test("streams to those who watch, and ends when told to", async () => {
  const { feed, set } = feedOf({ running: 3 });
  const [first, second] = [feed.response(), feed.response()];
  expect(first.headers.get("content-type")).toBe("text/event-stream");
  const reader = first.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toMatch(/^data: \{.*"running":3.*\}\n\n$/);
  await second.body!.cancel();
  set({ running: 4 });
  expect((await reader.read()).value).toContain('"running":4');
  feed.close();
  expect((await reader.read()).done).toBe(true);
});
