import { reference, type Tensor } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { describe, expect, it } from "vitest";
import { createEngine, type EngineOptions } from "./engine.js";
import { type RequestEvent, type RequestTimings } from "./events.js";
import { type GenerateRequest, type Piece } from "./request.js";
import { END } from "./testing/byte-tokenizer.js";
import { randomModel, scriptedModel, scriptOf } from "./testing/toy-models.js";

async function piecesOf(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const all = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

function say(answer: string, ...after: number[]) {
  return scriptedModel(scriptOf("Say: ", answer, ...after));
}

describe("an answer", () => {
  it("streams text until the model ends it", async () => {
    const engine = createEngine({ model: say("hello", END) });
    const pieces = await piecesOf(engine.generate({ prompt: "Say: " }));
    expect(pieces.map(({ text }) => text).join("")).toBe("hello");
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual([...Buffer.from("hello"), END]);
    expect(pieces.at(-1)).toMatchObject({
      finishReason: "stop",
      usage: { promptTokens: 5, cachedTokens: 0, completionTokens: 6 },
    });
    expect(pieces.slice(0, -1).every((piece) => piece.finishReason === undefined && piece.usage === undefined)).toBe(
      true,
    );
    await engine.close();
  });

  it("ends at a stop text, also across tokens, and does not show it", async () => {
    const engine = createEngine({ model: say("one. two. three.", END) });
    expect(await engine.complete({ prompt: "Say: ", stop: [". th", "xyz"] })).toMatchObject({
      text: "one. two",
      finishReason: "stop",
    });
    expect(await engine.complete({ prompt: "Say: ", stop: "two. four" })).toMatchObject({
      text: "one. two. three.",
      finishReason: "stop",
    });
    await engine.close();
  });

  it("ends where tokens run out, which by default is the end of the context", async () => {
    const engine = createEngine({ model: say("abcdefgh") });
    expect(await engine.complete({ prompt: "Say: ", maxTokens: 3 })).toMatchObject({
      text: "abc",
      finishReason: "length",
      usage: { completionTokens: 3 },
    });
    const generation = engine.generate({ prompt: "Say: " });
    expect(generation).toMatchObject({ promptTokens: 5, parameters: { maxTokens: 8 } });
    expect((await piecesOf(generation)).map(({ text }) => text).join("")).toBe("abcdefgh");
    await engine.close();
  });

  it("never splits a character", async () => {
    const text = "aé漢👩‍👩‍👧🇩🇪z";
    const engine = createEngine({ model: say(text, END) });
    const pieces = await piecesOf(engine.generate({ prompt: "Say: ", stop: "👩‍🚀" }));
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    for (const piece of pieces) expect(Buffer.from(piece.text).toString()).toBe(piece.text);
    const cut = await engine.complete({ prompt: "Say: ", maxTokens: 2 });
    expect(cut.text).toBe("a\uFFFD");
    await engine.close();
  });

  it("knows what ends a text from the model's configuration and its tokenizer", async () => {
    const model = say("ab.cd", END);
    const engine = createEngine({ model: { ...model, generationConfig: { eosTokenIds: [".".charCodeAt(0)] } } });
    expect(await engine.complete({ prompt: "Say: " })).toMatchObject({ text: "ab", finishReason: "stop" });
    await engine.close();
  });

  it("may be to a chat", async () => {
    const engine = createEngine({ model: scriptedModel(scriptOf("user: hi\nassistant: ", "hello", END)) });
    expect(await engine.complete({ messages: [{ role: "user", content: "hi" }] })).toMatchObject({ text: "hello" });
    await engine.close();
  });
});

describe("requests in company", () => {
  const prompts = ["a", "What is", "the quick brown fox jumps over the lazy dog", "zzz", "Hi there, you"];
  const requests: GenerateRequest[] = prompts.map((prompt, i) => ({
    prompt,
    maxTokens: 12 + i,
    ...(i % 2 === 0 ? { temperature: 0 } : { temperature: 1.5, topK: 50, seed: i }),
  }));

  async function tokensWith(options: Omit<EngineOptions, "model">, together: boolean): Promise<(readonly number[])[]> {
    const engine = createEngine({ model: randomModel(1), ...options });
    const answers = [];
    if (together) answers.push(...(await Promise.all(requests.map((request) => engine.complete(request)))));
    else for (const request of requests) answers.push(await engine.complete(request));
    const { steps, preemptions } = engine.stats();
    await engine.close();
    expect(steps).toBeGreaterThan(0);
    if (options.limits?.cacheBytes) expect(preemptions).toBeGreaterThan(0);
    return answers.map(({ tokens }) => tokens);
  }

  const alone = tokensWith({}, false);

  it.each<[string, Omit<EngineOptions, "model">]>([
    ["all in one step", {}],
    ["prompts in chunks", { limits: { maxRows: 7 } }],
    ["one row a step", { limits: { maxRows: 1 } }],
    ["two at a time", { limits: { maxSequences: 2 } }],
    [
      "blocks too few for all: preempted and computed again",
      { cache: floatCache({ blockSize: 4 }), limits: { cacheBytes: 25 * 4 * 64 } },
    ],
  ])("get the same tokens, greedy and sampled: %s", async (_name, options) => {
    expect(await tokensWith(options, true)).toEqual(await alone);
  });

  it("share steps", async () => {
    const engine = createEngine({ model: randomModel(1) });
    await Promise.all(
      Array.from({ length: 8 }, () => engine.complete({ prompt: "abc", temperature: 0, maxTokens: 20 })),
    );
    expect(engine.stats()).toMatchObject({
      steps: 20,
      generatedTokens: 160,
      promptTokens: 24,
      finishedRequests: 8,
      running: 0,
      waiting: 0,
    });
    await engine.close();
  });

  it("with one seed get one text, with others another", async () => {
    const engine = createEngine({ model: randomModel(1) });
    const sampled = (seed: number) => engine.complete({ prompt: "abc", seed, maxTokens: 20 });
    const [a, b, c] = await Promise.all([sampled(1), sampled(1), sampled(2)]);
    expect(a.tokens).toEqual(b.tokens);
    expect(a.tokens).not.toEqual(c.tokens);
    await engine.close();
  });
});

describe("the next step", () => {
  it.each<[string, Partial<GenerateRequest>]>([
    ["of a greedy answer", {}],
    ["of one that draws by what came before", { frequencyPenalty: 0.5 }],
  ])("%s is recorded before the one under way is read", async (_name, options) => {
    const maxTokens = 6;
    const device = reference();
    let [forwards, reads] = [0, 0];
    const through = (x: Tensor) => {
      forwards++;
      return x;
    };
    const read = device.read.bind(device);
    device.read = async (tensor) => {
      const [step, bytes] = [++reads, read(tensor)];
      // Gives its result only once the step behind it is recorded: an engine that waits for it waits for ever.
      while (step < maxTokens && forwards <= step) await new Promise(setImmediate);
      return bytes;
    };
    const engine = createEngine({ model: randomModel(1, { device, through }) });
    const { tokens } = await engine.complete({ prompt: "abc", temperature: 0, maxTokens, ...options });
    expect(tokens).toHaveLength(maxTokens);
    // No step for what is known to have ended.
    expect(forwards).toBe(maxTokens);
    await engine.close();
  });
});

describe("what happens to a request", () => {
  it("is told in order", async () => {
    const events: RequestEvent[] = [];
    const engine = createEngine({ model: say("hello", END), onEvent: (event) => events.push(event) });
    const { id } = await engine.complete({ prompt: "Say: ", arrivalMs: performance.now() - 500 });
    const tokens = Array.from({ length: 5 }, () => "token");
    expect(events.map(({ type }) => type)).toEqual(["queued", "scheduled", "firstToken", ...tokens, "finished"]);
    expect(events.every(({ requestId }) => requestId === id)).toBe(true);
    const last = events.at(-1)!;
    expect(last).toMatchObject({ reason: "stop", promptTokens: 5, completionTokens: 6, preemptions: 0 });
    const { queueMs, prefillMs, decodeMs, inferenceMs, firstTokenMs, totalMs } =
      last.type === "finished" ? last.timings : ({} as RequestTimings);
    // What passed before the engine had it counts for whoever waits, but not as waiting in the queue.
    expect(firstTokenMs! - queueMs! - prefillMs!).toBeGreaterThanOrEqual(500 - 1e-6);
    expect(prefillMs! + decodeMs!).toBeCloseTo(inferenceMs!);
    expect(queueMs! + inferenceMs!).toBeLessThanOrEqual(totalMs);
    const times = events.map(({ timeMs }) => timeMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    await engine.close();
  });

  it("goes on when a listener fails", async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error) => warnings.push(warning);
    process.on("warning", collect);
    const engine = createEngine({
      model: say("hello", END),
      onEvent: () => {
        throw new Error("a listener's fault");
      },
    });
    expect(await engine.complete({ prompt: "Say: " })).toMatchObject({ text: "hello" });
    await engine.close();
    await new Promise(setImmediate);
    process.off("warning", collect);
    expect(warnings.map(({ message }) => message)).toContain("a listener's fault");
  });
});

describe("an engine", () => {
  it("gives all its memory back", async () => {
    const device = reference();
    const model = randomModel(1, { device });
    const before = device.memory().live;
    const engine = createEngine({ model });
    expect(device.memory().live).toBeGreaterThan(before);
    await Promise.all(["a", "b"].map((prompt) => engine.complete({ prompt, maxTokens: 5 })));
    await engine.close();
    expect(device.memory().live).toBe(before);
  });

  it("holds no more context than its cache", async () => {
    const engine = createEngine({
      model: randomModel(1),
      cache: floatCache({ blockSize: 4 }),
      limits: { cacheBytes: 5 * 4 * 64 },
    });
    expect(engine.contextLength).toBe(20);
    expect((await engine.complete({ prompt: "abcde", temperature: 0 })).usage.completionTokens).toBeLessThanOrEqual(15);
    await engine.close();
  });

  it("refuses what would wait too long", async () => {
    const engine = createEngine({ model: randomModel(1), limits: { maxSequences: 1, maxWaiting: 1 } });
    const accepted = [engine.complete({ prompt: "a", maxTokens: 2 }), engine.complete({ prompt: "a", maxTokens: 2 })];
    expect(() => engine.generate({ prompt: "a" })).toThrow(expect.objectContaining({ code: "overloaded" }));
    await Promise.all(accepted);
    await engine.complete({ prompt: "a", maxTokens: 2 });
    await engine.close();
  });
});
