import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { END } from "../testing/byte-tokenizer.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { randomModel, scriptedModel, scriptOf } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const path = "/v1/completions";
const engines = [
  createEngine({ model: scriptedModel(scriptOf("Say: ", "héllo. wörld.", END), { maxPositions: 60 }) }),
  createEngine({ model: randomModel(1, { name: "random" }) }),
];
const handler = createHandler(engines, { aliases: { "gpt-3.5-turbo-instruct": "toy" } });
const ask = (fields: object) => postJson(handler, path, { model: "toy", prompt: "Say: ", ...fields });
const drawn = async (fields: object): Promise<string> => {
  const { status, json } = await postJson(handler, path, { model: "random", prompt: "abc", max_tokens: 12, ...fields });
  expect({ status, json }).toMatchObject({ status: 200 });
  return json.choices[0].text;
};

afterAll(() => Promise.all(engines.map((engine) => engine.close({ abort: true }))));

describe("an answer in one piece", () => {
  it("has OpenAI's form", async () => {
    const { status, json } = await ask({});
    expect(status).toBe(200);
    expect(json).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{32}$/),
      object: "text_completion",
      created: expect.any(Number),
      model: "toy",
      choices: [{ index: 0, text: "héllo. wörld.", logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 16, total_tokens: 21, prompt_tokens_details: { cached_tokens: 0 } },
      whittle: {
        parameters: {
          max_tokens: expect.any(Number),
          min_tokens: 0,
          temperature: 1,
          top_k: 0,
          top_p: 1,
          min_p: 0,
          seed: expect.any(Number),
          frequency_penalty: 0,
          presence_penalty: 0,
          repetition_penalty: 1,
          stop: [],
          ignore_eos: false,
        },
      },
    });
    expect(Math.abs(json.created - Date.now() / 1000)).toBeLessThan(100);
  });

  it("is by a model's alias too, and says the name that was asked for", async () => {
    expect((await ask({ model: "gpt-3.5-turbo-instruct" })).json).toMatchObject({
      model: "gpt-3.5-turbo-instruct",
      choices: [{ text: "héllo. wörld." }],
    });
  });
});

describe("a stream", () => {
  it("has OpenAI's form: a chunk a piece, the reason alone in the last, [DONE]", async () => {
    const response = await handler(post(path, { model: "toy", prompt: "Say: ", stream: true }));
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const chunks = await readChunks(response);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks[0]).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      created: expect.any(Number),
      model: "toy",
      choices: [{ index: 0, text: "h", logprobs: null, finish_reason: null }],
      whittle: { parameters: expect.objectContaining({ temperature: 1 }) },
    });
    expect(chunks.map(({ choices }) => choices[0].text).join("")).toBe("héllo. wörld.");
    expect(chunks.at(-1).choices).toEqual([{ index: 0, text: "", logprobs: null, finish_reason: "stop" }]);
    expect(chunks.slice(0, -1).every(({ choices }) => choices[0].finish_reason === null)).toBe(true);
  });

  it("tells the usage when asked: null in every chunk, then a chunk without choices", async () => {
    const chunks = await readChunks(
      await handler(
        post(path, { model: "toy", prompt: "Say: ", stream: true, stream_options: { include_usage: true } }),
      ),
    );
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 16, total_tokens: 21 },
    });
  });
});

describe("each field", () => {
  it("prompt: text, ids, or an array of one of them", async () => {
    const ids = [...Buffer.from("Say: ")];
    for (const prompt of ["Say: ", ids, ["Say: "], [ids]])
      expect((await ask({ prompt })).json.choices[0].text).toBe("héllo. wörld.");
  });

  it("max_tokens; without it, the context is filled", async () => {
    expect((await ask({ max_tokens: 1 })).json).toMatchObject({
      choices: [{ text: "h", finish_reason: "length" }],
      usage: { completion_tokens: 1 },
    });
    const { json } = await postJson(handler, path, { model: "random", prompt: "abc", temperature: 0 });
    expect(json.usage.total_tokens).toBe(128);
  });

  it("stop: one or several", async () => {
    expect((await ask({ stop: "." })).json.choices[0]).toMatchObject({ text: "héllo", finish_reason: "stop" });
    expect((await ask({ stop: ["x", "wö"] })).json.choices[0]).toMatchObject({
      text: "héllo. ",
      finish_reason: "stop",
    });
    expect((await ask({ stop: [] })).json.choices[0].text).toBe("héllo. wörld.");
  });

  it("temperature, top_k, top_p, min_p: each can make the draw greedy; seed: makes it repeatable", async () => {
    const greedy = await drawn({ temperature: 0 });
    for (const fields of [{ top_k: 1 }, { top_p: 0 }, { min_p: 1 }]) expect(await drawn(fields)).toBe(greedy);
    for (const fields of [{}, { top_k: 0 }, { top_k: -1 }, { top_p: 1 }, { min_p: 0 }, { temperature: 1 }]) {
      expect(await drawn({ ...fields, seed: 5 })).toBe(await drawn({ seed: 5 }));
    }
    expect(await drawn({ seed: 5 })).not.toBe(await drawn({ seed: 6 }));
    expect(await drawn({ seed: -5 })).not.toBe(await drawn({ seed: 5 }));
    expect(await drawn({ seed: 5, temperature: 0.1 })).not.toBe(await drawn({ seed: 5, temperature: 2 }));
  });

  it("null is as if the field were not there", async () => {
    const nothing = {
      max_tokens: null,
      stop: null,
      seed: null,
      stream: null,
      stream_options: null,
      top_p: null,
      top_k: null,
      min_p: null,
    };
    expect(await drawn({ ...nothing, max_tokens: 12, temperature: 0 })).toBe(await drawn({ temperature: 0 }));
  });
});
