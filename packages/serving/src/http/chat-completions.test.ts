import { ChatTemplateMissing } from "@whittle/models";
import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { END } from "../testing/byte-tokenizer.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { scriptedModel, scriptOf } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const path = "/v1/chat/completions";
const rendered = "system: Be brief.\nuser: Hi\nassistant: ";
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hi" },
];
const plain = scriptedModel(scriptOf(rendered, "Hello!", END), { name: "base" });
const base = {
  ...plain,
  tokenizer: {
    ...plain.tokenizer,
    encodeChat: () => {
      throw new ChatTemplateMissing("base");
    },
  },
};
const engines = [
  createEngine({ model: scriptedModel(scriptOf(rendered, "Hello!", END)) }),
  createEngine({ model: base }),
];
const handler = createHandler(engines);
const ask = (fields: object) => postJson(handler, path, { model: "toy", messages, ...fields });

afterAll(() => Promise.all(engines.map((engine) => engine.close({ abort: true }))));

describe("an answer in one piece", () => {
  it("has OpenAI's form", async () => {
    const { status, json } = await ask({});
    expect(status).toBe(200);
    expect(json).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "toy",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello!", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: rendered.length,
        completion_tokens: 7,
        total_tokens: rendered.length + 7,
        prompt_tokens_details: { cached_tokens: 0 },
      },
      whittle: { parameters: expect.objectContaining({ temperature: 1, top_k: 0, seed: expect.any(Number) }) },
    });
  });
});

describe("a stream", () => {
  it("has OpenAI's form: the role, the text, the reason, [DONE]", async () => {
    const chunks = await readChunks(
      await handler(post(path, { model: "toy", messages, stream: true, stream_options: { include_usage: true } })),
    );
    const head = {
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion.chunk",
      created: expect.any(Number),
      model: "toy",
    };
    expect(chunks[0]).toEqual({
      ...head,
      choices: [{ index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }],
      usage: null,
      whittle: { parameters: expect.objectContaining({ temperature: 1, stop: [] }) },
    });
    expect(chunks.filter((chunk) => "whittle" in chunk)).toHaveLength(1);
    expect(chunks[1].choices).toEqual([{ index: 0, delta: { content: "H" }, logprobs: null, finish_reason: null }]);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello!");
    expect(chunks.at(-2).choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }]);
    expect(chunks.at(-1)).toEqual({ ...head, choices: [], usage: expect.objectContaining({ completion_tokens: 7 }) });
  });
});

describe("messages", () => {
  it("may have text in parts, a developer instead of a system, and fields that say nothing", async () => {
    const parts = [
      { role: "developer", content: [{ type: "text", text: "Be brief." }], name: "boss" },
      { role: "user", content: "Hi", tool_calls: null, refusal: null, name: null },
    ];
    expect((await ask({ messages: parts })).json.choices[0].message.content).toBe("Hello!");
  });

  it.each<[unknown, string, string]>([
    [undefined, "messages", "messages is missing"],
    ["Hi", "messages", 'must be an array of messages, but got "Hi"'],
    [[], "messages", "must hold at least one message"],
    [[1], "messages[0]", "must be an object, but got 1"],
    [[{ content: "Hi" }], "messages[0].role", "messages[0].role is missing"],
    [
      [{ role: "wizard", content: "Hi" }],
      "messages[0].role",
      'must be "system", "developer", "user", "assistant" or "tool", but got "wizard"',
    ],
    [[{ role: "tool", content: "Hi" }], "messages[0].tool_call_id", "is missing"],
    [[{ role: "user" }], "messages[0].content", "messages[0].content is missing"],
    [[{ role: "user", content: 5 }], "messages[0].content", "must be a string or an array of text parts, but got 5"],
    [
      [{ role: "user", content: [{ type: "image_url", image_url: {} }] }],
      "messages[0].content[0].type",
      'must be "text", but got "image_url"',
    ],
    [[{ role: "user", content: "Hi", mood: "good" }], "messages[0].mood", 'there is no field "messages[0].mood"'],
    [[{ role: "assistant", content: "Hi", tool_calls: [{}] }], "messages[0].tool_calls[0].id", "is missing"],
  ])("are refused as %j", async (wrong, param, message) => {
    const { status, json } = await ask({ messages: wrong });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ type: "invalid_request_error", message: expect.stringContaining(message) });
    expect(json.error.param).toContain(param);
  });

  it("cannot be put to a model without a chat template", async () => {
    const { status, json } = await ask({ model: "base" });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({
      param: "messages",
      code: "chat_template_missing",
      message: expect.stringContaining("has no chat template"),
    });
  });
});

describe("the number of tokens", () => {
  it("goes by max_completion_tokens and its older name", async () => {
    for (const fields of [
      { max_tokens: 2 },
      { max_completion_tokens: 2 },
      { max_tokens: 2, max_completion_tokens: 2 },
    ]) {
      expect((await ask(fields)).json.choices[0]).toMatchObject({
        message: { content: "He" },
        finish_reason: "length",
      });
    }
    const { status, json } = await ask({ max_tokens: 2, max_completion_tokens: 3 });
    expect({ status, param: json.error.param }).toEqual({ status: 400, param: "max_completion_tokens" });
  });
});
