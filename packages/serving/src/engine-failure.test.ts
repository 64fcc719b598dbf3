import {
  defineOp,
  DeviceError,
  DeviceLost,
  floats,
  ints,
  like,
  OutOfMemory,
  reference,
  type RowBatch,
  type Tensor,
} from "@whittle/core";
import { describe, expect, it } from "vitest";
import { createEngine, type Engine } from "./engine.js";
import { type Generation } from "./request.js";
import { randomModel } from "./testing/toy-models.js";

/** Whether the step with these tokens fails, and how; set by each test. */
let fault: (tokens: number[]) => Error | undefined = () => undefined;

/** `y = x`, unless the test wants it to fail. */
const trap = defineOp({
  name: "trap",
  args: { x: floats("rows", "columns"), tokens: ints("rows") },
  outputs: ({ x }) => [like(x)],
  reference({ x, tokens }, [y]) {
    const error = fault([...tokens.toArray()]);
    if (error) throw error;
    for (let i = 0; i < x.size(0); i++) for (let j = 0; j < x.size(1); j++) y.set(x.at(i, j), i, j);
  },
});

const POISON = "Z".charCodeAt(0);
const prompts = ["first one", "second", "the third of them"];

function engineWith(through: (x: Tensor, rows: RowBatch) => Tensor = (x, { tokens }) => trap({ x, tokens })): Engine {
  return createEngine({ model: randomModel(1, { through }) });
}

async function lonely(): Promise<(readonly number[])[]> {
  fault = () => undefined;
  const engine = engineWith();
  const answers = [];
  for (const prompt of prompts) answers.push((await engine.complete({ prompt, temperature: 0, maxTokens: 12 })).tokens);
  await engine.close();
  return answers;
}

function all(engine: Engine): Promise<{ tokens: readonly number[] }>[] {
  return prompts.map((prompt) => engine.complete({ prompt, temperature: 0, maxTokens: 12 }));
}

describe("a step that fails", () => {
  it("fails only the request at fault; the others get what they would have got", async () => {
    const expected = await lonely();
    const engine = engineWith();
    fault = (tokens) => (tokens.includes(POISON) ? new DeviceError("trap", "poisoned") : undefined);
    const [poisoned, ...others] = [
      engine.complete({ prompt: "has a Z in it", temperature: 0, maxTokens: 12 }),
      ...all(engine),
    ];
    await expect(poisoned).rejects.toMatchObject({ code: "device", op: "trap" });
    expect((await Promise.all(others)).map(({ tokens }) => tokens)).toEqual(expected);
    // Once in company, once alone.
    expect(engine.stats()).toMatchObject({ failedSteps: 2, running: 0 });
    const { free, total } = engine.stats().blocks;
    expect(free).toBe(total);
    await engine.close();
  });

  it("is made good by trying again, if the fault passes", async () => {
    const expected = await lonely();
    const engine = engineWith();
    let calls = 0;
    fault = () => (++calls % 4 === 0 ? new DeviceError("trap", "now and then") : undefined);
    expect((await Promise.all(all(engine))).map(({ tokens }) => tokens)).toEqual(expected);
    expect(engine.stats().failedSteps).toBeGreaterThan(2);
    await engine.close();
  });

  it("may fail while it is recorded: what is too much for a step of many is done one by one", async () => {
    const expected = await lonely();
    const engine = engineWith((x, { runs }) => {
      if (runs.length > 1) throw new OutOfMemory("linear", 1000, 10, 100);
      return x;
    });
    expect((await Promise.all(all(engine))).map(({ tokens }) => tokens)).toEqual(expected);
    await engine.close();
  });

  it("keeps no memory", async () => {
    const device = reference();
    const model = randomModel(1, { device, through: (x, { tokens }) => trap({ x, tokens }) });
    const before = device.memory().live;
    const engine = createEngine({ model });
    fault = () => new DeviceError("trap", "always");
    await expect(engine.complete({ prompt: "abc" })).rejects.toMatchObject({ code: "device" });
    fault = () => undefined;
    await engine.complete({ prompt: "abc", maxTokens: 3 });
    await engine.close();
    expect(device.memory().live).toBe(before);
  });
});

describe("the loss of the device", () => {
  it("fails every request with that error, and every later one", async () => {
    const engine = engineWith();
    let calls = 0;
    fault = () => (++calls === 3 ? new DeviceLost("unplugged") : undefined);
    const results = await Promise.allSettled(all(engine));
    for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { code: "device_lost" } });
    expect(engine.accepting).toBe(false);
    expect(() => engine.generate({ prompt: "a" })).toThrow(expect.objectContaining({ code: "device_lost" }));
    await engine.close();
  });
});

describe("a request cancelled", () => {
  async function takeOne(generation: Generation): Promise<AsyncIterator<{ text: string }>> {
    const pieces = generation[Symbol.asyncIterator]();
    await pieces.next();
    return pieces;
  }

  async function stepsUntilIdle(engine: Engine): Promise<number> {
    const { steps } = engine.stats();
    while (engine.stats().running > 0) await new Promise(setImmediate);
    return engine.stats().steps - steps;
  }

  it("by its signal ends within one step and keeps what it has", async () => {
    fault = () => undefined;
    const engine = engineWith();
    const controller = new AbortController();
    const answer = engine.complete({ prompt: "abc", temperature: 0, signal: controller.signal });
    while (engine.stats().generatedTokens < 5) await new Promise(setImmediate);
    controller.abort();
    expect(await stepsUntilIdle(engine)).toBeLessThanOrEqual(1);
    expect(engine.stats().blocks.free).toBe(engine.stats().blocks.total);
    const { tokens, finishReason, usage } = await answer;
    expect(finishReason).toBe("abort");
    expect(usage.completionTokens).toBe(tokens.length);
    expect(tokens.length).toBeGreaterThanOrEqual(5);
    await engine.close();
  });

  it("by leaving its loop ends within one step", async () => {
    const engine = engineWith();
    for await (const { text } of engine.generate({ prompt: "abc", temperature: 0 })) if (text !== "") break;
    expect(await stepsUntilIdle(engine)).toBeLessThanOrEqual(1);
    expect(engine.stats()).toMatchObject({ running: 0, finishedRequests: 1 });
    await engine.close();
  });

  it("by cancel() ends; others go on", async () => {
    const [expected] = await lonely();
    const engine = engineWith();
    const other = engine.complete({ prompt: prompts[0]!, temperature: 0, maxTokens: 12 });
    const generation = engine.generate({ prompt: "abc", temperature: 0 });
    const pieces = await takeOne(generation);
    generation.cancel();
    expect(await pieces.next()).toMatchObject({ value: { finishReason: "abort" } });
    expect((await other).tokens).toEqual(expected);
    await engine.close();
  });

  it("before it began, or while it waits, never runs", async () => {
    const engine = createEngine({ model: randomModel(1), limits: { maxSequences: 1 } });
    const running = engine.complete({ prompt: "abc", temperature: 0, maxTokens: 30 });
    const controller = new AbortController();
    const waiting = engine.complete({ prompt: "abc", signal: controller.signal });
    const already = engine.complete({ prompt: "abc", signal: AbortSignal.abort() });
    setImmediate(() => controller.abort());
    for (const answer of [waiting, already])
      expect(await answer).toMatchObject({ finishReason: "abort", usage: { completionTokens: 0 } });
    expect((await running).finishReason).toBe("length");
    await engine.close();
  });
});

describe("closing", () => {
  it("waits for what is under way, and takes nothing more", async () => {
    const engine = engineWith();
    const answers = Promise.all(all(engine));
    const closed = engine.close();
    expect(engine.accepting).toBe(false);
    expect(() => engine.generate({ prompt: "a" })).toThrow(expect.objectContaining({ code: "engine_closed" }));
    await closed;
    expect((await answers).map(({ tokens }) => tokens.length)).toEqual([12, 12, 12]);
    await engine.close();
  });

  it("with abort ends what is under way, also after a patient close", async () => {
    const engine = engineWith();
    const answers = Promise.allSettled(prompts.map((prompt) => engine.complete({ prompt, temperature: 0 })));
    const patient = engine.close();
    while (engine.stats().steps < 3) await new Promise(setImmediate);
    await engine.close({ abort: true });
    await patient;
    for (const answer of await answers)
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "engine_closed" } });
  });
});
