import { describe, expect, test } from "vitest";
import { type Outcome } from "./outcome.js";
import { type PlannedRequest } from "./planned-request.js";
import { runClosedLoop, runOpenLoop, type Send } from "./run-load.js";
import { summarise } from "./summary.js";
import { VirtualClock } from "./virtual-clock.js";

const planned = (...times: number[]): PlannedRequest[] =>
  times.map((atMs) => ({ atMs, promptTokens: 1, outputTokens: 1 }));

/** A server that answers one request after another, each in `serviceMs`; its queue is endless. */
function oneByOne(clock: VirtualClock, serviceMs: number): { send: Send; most: () => number } {
  let before: Promise<unknown> = Promise.resolve();
  let [underWay, most] = [0, 0];
  const send: Send = async (_request, _index, intendedMs) => {
    const sentMs = clock.now();
    most = Math.max(most, ++underWay);
    const served = before.then(() => clock.sleep(serviceMs));
    before = served;
    await served;
    underWay--;
    const endMs = clock.now();
    return { ...empty, intendedMs, sentMs, tokenMs: [endMs], endMs, outputTokens: 1 };
  };
  return { send, most: () => most };
}

const empty = { promptTokens: 1, finishReason: "stop", failure: undefined };
const never = new AbortController().signal;

describe("runOpenLoop", () => {
  test("sends at its times, and a queue shows in the latencies", async () => {
    const clock = new VirtualClock();
    const { send, most } = oneByOne(clock, 100);
    const requests = planned(0, 10, 20, 1000);
    const outcomes = await clock.run(runOpenLoop({ requests, send, clock, signal: never }));
    expect(outcomes.map(({ sentMs }) => sentMs)).toEqual([0, 10, 20, 1000]);
    expect(outcomes.map(({ endMs, intendedMs }) => endMs - intendedMs)).toEqual([100, 190, 280, 100]);
    expect(most()).toBe(3);
  });

  test("a generator that is late cannot hide it: latency counts from the intended send", async () => {
    const clock = new VirtualClock();
    // Sending takes this machine 50 ms, in which nothing else is sent.
    const late = { now: clock.now, sleepUntil: (timeMs: number) => clock.sleepUntil(timeMs + 50, never) };
    const { send } = oneByOne(clock, 1);
    const outcomes = await clock.run(runOpenLoop({ requests: planned(10, 20), send, clock: late, signal: never }));
    const { sendLagMs, e2eMs } = summarise(outcomes);
    expect(sendLagMs).toMatchObject({ min: 40, max: 50 });
    expect(e2eMs).toMatchObject({ min: 42, max: 51 });
  });

  test("stops sending when told to", async () => {
    const clock = new VirtualClock();
    const { send } = oneByOne(clock, 5);
    const stopper = new AbortController();
    const onOutcome = () => stopper.abort();
    const requests = planned(0, 1000, 2000);
    const outcomes = await clock.run(runOpenLoop({ requests, send, clock, signal: stopper.signal, onOutcome }));
    expect(outcomes).toHaveLength(1);
  });
});

describe("runClosedLoop", () => {
  test("so many at a time, each counted from its own send, in the plan's order", async () => {
    const clock = new VirtualClock();
    const { send, most } = oneByOne(clock, 100);
    const seen: Outcome[] = [];
    const outcomes = await clock.run(
      runClosedLoop(
        { requests: planned(0, 0, 0, 0, 0), send, clock, signal: never, onOutcome: (outcome) => seen.push(outcome) },
        2,
      ),
    );
    expect(most()).toBe(2);
    expect(outcomes.map(({ sentMs }) => sentMs)).toEqual([0, 0, 100, 200, 300]);
    expect(outcomes.map(({ endMs, intendedMs }) => endMs - intendedMs)).toEqual([100, 200, 200, 200, 200]);
    expect(seen).toHaveLength(5);
  });
});
