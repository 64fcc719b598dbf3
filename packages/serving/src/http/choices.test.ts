import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const engine = createEngine({ model: randomModel(1) });
const handler = createHandler(engine);
const complete = async (fields: object) =>
  (await postJson(handler, "/v1/completions", { model: "toy", max_tokens: 6, ...fields })).json;
const greedy = { temperature: 0 };
afterAll(async () => {
  expect(engine.stats().blocks.free).toBe(engine.stats().blocks.total);
  await engine.close();
});

interface Choice {
  index: number;
  text: string;
}
const texts = (json: { choices: Choice[] }): string[] => json.choices.map(({ text }) => text);

describe("several prompts", () => {
  it("are answered as each would be alone, texts and ids, in order", async () => {
    const alone = [
      ...texts(await complete({ ...greedy, prompt: "Hi" })),
      ...texts(await complete({ ...greedy, prompt: "You" })),
    ];
    const ids = ["Hi", "You"].map((text) => [...new TextEncoder().encode(text)]);
    for (const prompt of [["Hi", "You"], ids]) {
      const json = await complete({ ...greedy, prompt });
      expect(texts(json)).toEqual(alone);
      expect(json.choices.map(({ index }: Choice) => index)).toEqual([0, 1]);
      expect(json.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 12, total_tokens: 17 });
    }
  });

  it("fail together: what was begun of them is cancelled", async () => {
    const { status, json } = await postJson(handler, "/v1/completions", {
      model: "toy",
      prompt: ["Hi", "x".repeat(200)],
    });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: "context_length_exceeded", param: "prompt" });
    while (engine.stats().running + engine.stats().waiting > 0) await new Promise(setImmediate);
  });
});

describe("n", () => {
  const wanted = { prompt: ["Hi", "You"], n: 3, temperature: 1, seed: 7 };

  it("choices differ, repeat with the seed, and count their prompt once", async () => {
    const json = await complete(wanted);
    expect(new Set(texts(json)).size).toBe(6);
    expect(json.choices.map(({ index }: Choice) => index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(json.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 36 });
    expect(texts(await complete(wanted))).toEqual(texts(json));
    expect(texts(await complete({ ...wanted, n: 1, prompt: "You" }))).toEqual([texts(json)[3]]);
  });

  it("choices of a stream are the same, told apart by their index", async () => {
    const chunks = await readChunks(
      await handler(
        post("/v1/completions", {
          model: "toy",
          max_tokens: 6,
          ...wanted,
          stream: true,
          stream_options: { include_usage: true },
        }),
      ),
    );
    const joined = ["", "", "", "", "", ""];
    for (const { choices } of chunks) for (const { index, text } of choices as Choice[]) joined[index] += text;
    expect(joined).toEqual(texts(await complete(wanted)));
    expect(
      chunks.filter(({ choices }) => choices[0]?.finish_reason).map(({ choices }) => choices[0].finish_reason),
    ).toEqual(Array(6).fill("length"));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 36 } });
  });
});

describe("echo", () => {
  it("says the prompt first, whole or in a stream", async () => {
    const [plain] = texts(await complete({ ...greedy, prompt: "Hi" }));
    expect(texts(await complete({ ...greedy, prompt: "Hi", echo: true }))).toEqual([`Hi${plain}`]);
    expect(texts(await complete({ ...greedy, prompt: [[72, 105]], echo: true }))).toEqual([`Hi${plain}`]);
    const chunks = await readChunks(
      await handler(
        post("/v1/completions", { model: "toy", max_tokens: 6, ...greedy, prompt: "Hi", echo: true, stream: true }),
      ),
    );
    expect(chunks[0].choices[0].text).toBe("Hi");
    expect(chunks.map(({ choices }) => choices[0].text).join("")).toBe(`Hi${plain}`);
  });
});

describe("log-probabilities", () => {
  it("of a completion: a list for each, and they are of one law", async () => {
    const { choices } = await complete({ ...greedy, prompt: "Hi", logprobs: 3 });
    const { tokens, token_logprobs: logprobs, top_logprobs: top, text_offset: offsets } = choices[0].logprobs;
    expect([tokens, logprobs, top, offsets].map((list) => list.length)).toEqual([6, 6, 6, 6]);
    for (const [i, best] of (top as Record<string, number>[]).entries()) {
      expect(Math.max(...Object.values(best))).toBeCloseTo(logprobs[i], 5);
      expect(Object.values(best).every((value) => value < 0)).toBe(true);
    }
    expect((await complete({ ...greedy, prompt: "Hi" })).choices[0].logprobs).toBeNull();
  });

  it("of a chat: tokens with their bytes, streamed as whole", async () => {
    const body = {
      model: "toy",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 5,
      ...greedy,
      logprobs: true,
      top_logprobs: 2,
    };
    const { json } = await postJson(handler, "/v1/chat/completions", body);
    const { content } = json.choices[0].logprobs;
    expect(content).toHaveLength(5);
    for (const entry of content) {
      expect(entry).toEqual({
        token: expect.any(String),
        logprob: expect.any(Number),
        bytes: [expect.any(Number)],
        top_logprobs: expect.any(Array),
      });
      expect(entry.top_logprobs).toHaveLength(2);
      expect(entry.top_logprobs[0]).toMatchObject({ logprob: entry.logprob, bytes: entry.bytes });
    }
    const chunks = await readChunks(await handler(post("/v1/chat/completions", { ...body, stream: true })));
    expect(chunks.flatMap(({ choices }) => choices[0].logprobs?.content ?? [])).toEqual(content);
    const without = await postJson(handler, "/v1/chat/completions", { ...body, top_logprobs: undefined });
    expect(without.json.choices[0].logprobs.content[0].top_logprobs).toEqual([]);
  });
});

describe("penalties and biases", () => {
  it("change what is said", async () => {
    expect(texts(await complete({ ...greedy, prompt: "Hi", logit_bias: { 65: 100 } }))).toEqual(["AAAAAA"]);
    expect(
      texts(
        await complete({ ...greedy, prompt: "Hi", logit_bias: { 65: 100 }, frequency_penalty: 2, presence_penalty: 2 }),
      )[0],
    ).toHaveLength(6);
    const json = await complete({ ...greedy, prompt: "Hi", logit_bias: { 65: 100 }, ignore_eos: true, min_tokens: 2 });
    expect(json.whittle.parameters).toMatchObject({ logit_bias: { 65: 100 }, ignore_eos: true, min_tokens: 2 });
  });
});
