import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post, postJson } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const engine = createEngine({ model: randomModel(1) });
const handler = createHandler(engine);
const chat = (fields: object) =>
  postJson(handler, "/v1/chat/completions", {
    model: "toy",
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: 1,
    ...fields,
  });
const complete = (fields: object) =>
  postJson(handler, "/v1/completions", { model: "toy", prompt: "Hi", max_tokens: 1, ...fields });

afterAll(() => engine.close({ abort: true }));

describe("OpenAI's fields that are not there yet", () => {
  const chatFields: [field: string, neutral: unknown[], other: unknown][] = [
    ["audio", [], { voice: "alloy" }],
    ["function_call", ["none", "auto"], { name: "f" }],
    ["functions", [[]], [{ name: "f" }]],
    ["metadata", [{}, { a: "b" }], "a"],
    ["modalities", [["text"]], ["audio"]],
    ["prediction", [], { type: "content" }],
    ["prompt_cache_key", ["a"], 1],
    ["reasoning_effort", ["none"], "high"],
    ["safety_identifier", ["a"], 1],
    ["service_tier", ["auto", "default"], "flex"],
    ["store", [false], true],
    ["user", ["me"], {}],
    ["verbosity", ["medium"], "high"],
    ["web_search_options", [], {}],
  ];
  const completionFields: typeof chatFields = [
    ["best_of", [1], 3],
    ["suffix", [""], "end"],
    ["user", ["me"], 1],
  ];

  const rows = [
    ...chatFields.map((row) => ["chat", ...row] as const),
    ...completionFields.map((row) => ["completions", ...row] as const),
  ];

  it.each(rows)(
    "%s: %s is accepted where it changes nothing, and else refused by name",
    async (endpoint, field, neutral, other) => {
      const ask = endpoint === "chat" ? chat : complete;
      for (const value of [null, ...neutral]) expect(await ask({ [field]: value })).toMatchObject({ status: 200 });
      const { status, json } = await ask({ [field]: other });
      expect(status).toBe(400);
      expect(json.error).toMatchObject({
        param: field,
        code: "unsupported_value",
        message: expect.stringContaining(`${field} is not supported`),
      });
    },
  );
});

describe("fields of chats that are wrong", () => {
  const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  it.each<[object, string, string]>([
    [{ logprobs: 5 }, "logprobs", "must be true or false"],
    [{ top_logprobs: 5 }, "top_logprobs", "only for answers with logprobs: true"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs", "must be at most 20"],
    [{ parallel_tool_calls: "yes" }, "parallel_tool_calls", "must be true or false"],
    [{ tools: {} }, "tools", "must be an array of tools"],
    [{ tools: [{ type: "function" }] }, "tools[0].function", "is missing"],
    [{ tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name", "must be 1 to 64 letters"],
    [{ tools: [tool] }, "tools", "chat template knows nothing of tools"],
    [{ tools: [tool, tool] }, "tools[1].function.name", 'two tools are named "f"'],
    [{ tool_choice: "required" }, "tool_choice", "there are no tools"],
    [{ tool_choice: "sometimes" }, "tool_choice", 'must be "none", "auto", "required" or a function'],
    [
      { tools: [tool], tool_choice: { type: "function", function: { name: "g" } } },
      "tool_choice.function.name",
      'there is no tool "g"',
    ],
    [
      {
        tools: [
          { type: "function", function: { name: "f", parameters: { type: "array" } } },
          { type: "function", function: { name: "g", parameters: { type: "wat" } } },
        ],
        tool_choice: "required",
      },
      "tools.type",
      "must be of object",
    ],
    [
      { tools: [tool], tool_choice: "required", response_format: { type: "json_object" } },
      "tool_choice",
      "cannot be both",
    ],
    [{ messages: [{ role: "user" }] }, "messages[0].content", "is missing"],
    [{ messages: [{ role: "tool", content: "5" }] }, "messages[0].tool_call_id", "is missing"],
    [
      { messages: [{ role: "user", content: "a", tool_calls: [call] }] },
      "messages[0].tool_calls",
      "only an assistant calls tools",
    ],
    [{ messages: [{ role: "wizard", content: "a" }] }, "messages[0].role", "must be"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: "x" }] }] },
      "messages[0].content[0].type",
      'must be "text"',
    ],
    [{ chat_template_kwargs: { a: "<|im_end|>" } }, "chat_template_kwargs.a", "must be true, false or a number"],
    [{ messages: [{ role: "user", content: "x".repeat(200) }] }, "messages", "the context is 128 tokens"],
  ])("are refused by name: %j", async (fields, param, message) => {
    const { status, json } = await chat(fields);
    expect({ status, ...json.error }).toMatchObject({ status: 400, param, message: expect.stringContaining(message) });
  });

  it("a tool of no use is no fault: tool_choice none", async () => {
    expect(await chat({ tools: [tool], tool_choice: "none" })).toMatchObject({ status: 200 });
  });
});

describe("fields that nobody knows", () => {
  it("are passed over where that is asked for, inside of others too", async () => {
    const lenient = createHandler(engine, { ignoreUnknownFields: true });
    const body = {
      model: "toy",
      messages: [{ role: "user", content: "Hi", mood: "good" }],
      max_tokens: 1,
      stream_options: null,
      store: true,
      best: "ever",
    };
    expect(await postJson(lenient, "/v1/chat/completions", body)).toMatchObject({ status: 200 });
    expect(await postJson(lenient, "/v1/chat/completions", { ...body, max_tokens: 0 })).toMatchObject({ status: 400 });
    expect(await postJson(handler, "/v1/chat/completions", body)).toMatchObject({ status: 400 });
    await lenient.close();
  });
});

describe("fields that are wrong", () => {
  it.each<[object, string, string]>([
    [{ model: undefined }, "model", "model is missing"],
    [{ model: 5 }, "model", "must be a string, but got 5"],
    [{ prompt: undefined }, "prompt", "prompt is missing"],
    [{ prompt: {} }, "prompt", "must be a string, an array of token ids, or an array of these, but got an object"],
    [{ prompt: ["a", 5] }, "prompt[1]", "must be a string, but got 5"],
    [{ prompt: ["a", ""] }, "prompt", "prompt is empty"],
    [{ prompt: Array(1000).fill("a"), n: 2 }, "prompt", "more than 1024 answers"],
    [{ n: 0 }, "n", "must be at least 1, but got 0"],
    [{ n: 129 }, "n", "must be at most 128"],
    [{ min_tokens: -1 }, "min_tokens", "must be at least 0"],
    [{ min_tokens: 2 }, "min_tokens", "at most 1"],
    [{ frequency_penalty: 2.1 }, "frequency_penalty", "must be a number from -2 to 2"],
    [{ presence_penalty: "x" }, "presence_penalty", "must be a number from -2 to 2"],
    [{ repetition_penalty: 0 }, "repetition_penalty", "must be a number from 0.01 to 100"],
    [{ logit_bias: [] }, "logit_bias", "must be an object of token ids"],
    [{ logit_bias: { a: 1 } }, "logit_bias.a", "must be an object of token ids"],
    [{ logit_bias: { 5: 101 } }, "logit_bias.5", "must be a number from -100 to 100"],
    [{ logit_bias: { 999: 1 } }, "logit_bias", "999"],
    [{ ignore_eos: 1 }, "ignore_eos", "must be true or false"],
    [{ cache_salt: 5 }, "cache_salt", "must be a string"],
    [{ echo: "yes" }, "echo", "must be true or false"],
    [{ logprobs: 21 }, "logprobs", "must be at most 20"],
    [{ logprobs: true }, "logprobs", "must be an integer"],
    [{ response_format: { type: "xml" } }, "response_format.type", "must be"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema", "is missing"],
    [
      {
        response_format: { type: "json_schema", json_schema: { name: "a", schema: { not: {} } } },
      },
      "response_format.json_schema.schema.not",
      'the keyword "not" is not understood here',
    ],
    [{ guided_regex: "a", min_tokens: 1 }, "min_tokens", "ends where that does"],
    [{ guided_regex: "a", ignore_eos: true }, "ignore_eos", "ends where that does"],
    [{ guided_regex: "(?=a)" }, "guided_regex", "look-arounds"],
    [{ guided_choice: [] }, "guided_choice", "at least one"],
    [{ guided_json: "{" }, "guided_json", "is no JSON"],
    [{ guided_regex: "a", guided_choice: ["b"] }, "guided_choice", "two different structures"],
    [{ structured_outputs: { grammar: "x" } }, "structured_outputs.grammar", "there is no field"],
    [{ prompt: "" }, "prompt", "prompt is empty"],
    [{ prompt: [] }, "prompt", "prompt is empty"],
    [{ prompt: [1, 999] }, "prompt", "token 1 of the prompt is 999"],
    [{ prompt: [1, 0.5] }, "prompt[1]", "must be an integer, but got 0.5"],
    [{ max_tokens: 0 }, "max_tokens", "must be at least 1, but got 0"],
    [{ max_tokens: 2.5 }, "max_tokens", "must be an integer, but got 2.5"],
    [{ max_tokens: "5" }, "max_tokens", 'must be an integer, but got "5"'],
    [{ max_tokens: 1e300 }, "max_tokens", "must be an integer"],
    [{ max_tokens: 200 }, "max_tokens", "the context is 128 tokens"],
    [{ temperature: -0.1 }, "temperature", "must be a number from 0 to 100, but got -0.1"],
    [{ temperature: "hot" }, "temperature", 'but got "hot"'],
    [{ top_p: 1.1 }, "top_p", "must be a number from 0 to 1"],
    [{ min_p: -1 }, "min_p", "must be a number from 0 to 1"],
    [{ top_k: -2 }, "top_k", "must be at least -1"],
    [{ top_k: 0.5 }, "top_k", "must be an integer"],
    [{ top_k: 1e9 }, "top_k", "must be at most 16777216"],
    [{ seed: 0.5 }, "seed", "must be an integer from"],
    [{ seed: 2 ** 60 }, "seed", "must be an integer from"],
    [{ stop: "" }, "stop", "must not be empty"],
    [{ stop: 5 }, "stop", "must be a string or an array of strings"],
    [{ stop: ["a", 5] }, "stop[1]", "must be a string or an array of strings, but got 5"],
    [{ stop: Array(17).fill("a") }, "stop", "must be at most 16 texts"],
    [{ stop: "x".repeat(1025) }, "stop", "must have at most 1024 characters"],
    [{ stop: "\ud83d" }, "stop", "half a character"],
    [{ stream: "yes" }, "stream", 'must be true or false, but got "yes"'],
    [{ stream: true, stream_options: 1 }, "stream_options", "must be an object"],
    [{ stream: true, stream_options: { include_usage: 1 } }, "stream_options.include_usage", "must be true or false"],
    [
      { stream: true, stream_options: { speed: 1 } },
      "stream_options.speed",
      'there is no field "stream_options.speed"',
    ],
    [{ stream_options: { include_usage: true } }, "stream_options", "only for answers with stream: true"],
    [{ max_token: 5 }, "max_token", 'there is no field "max_token"'],
    [{ messages: [] }, "messages", 'there is no field "messages"'],
    [{ constructor: 1 }, "constructor", 'there is no field "constructor"'],
    [{ toString: null }, "toString", 'there is no field "toString"'],
  ])("are refused by name: %j", async (fields, param, message) => {
    const { status, json } = await complete(fields);
    expect({ status, ...json.error }).toMatchObject({
      status: 400,
      type: "invalid_request_error",
      param,
      message: expect.stringContaining(message),
      code: expect.any(String),
    });
  });

  it("cannot reach the prototype of anything", async () => {
    for (const text of [
      '{"__proto__":{"model":"toy","prompt":"Hi"}}',
      '{"model":"toy","prompt":"Hi","__proto__":null}',
      '{"model":"__proto__","prompt":"Hi"}',
    ]) {
      const response = await handler(post("/v1/completions", text));
      expect([400, 404]).toContain(response.status);
    }
    expect(({} as Record<string, unknown>).model).toBeUndefined();
  });

  it("give a clear error each, whatever they hold", async () => {
    const fields = [
      "model",
      "prompt",
      "messages",
      "max_tokens",
      "temperature",
      "top_p",
      "top_k",
      "min_p",
      "seed",
      "stop",
      "stream_options",
      "n",
      "tools",
      "logit_bias",
    ];
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 1e308, 2 ** 53, "", "\ud800", [[[]]], [{}], {}));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(chat, complete),
        fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 3 }),
        async (ask, wrong) => {
          const { status, json } = await ask({ max_tokens: 1, ...wrong });
          expect([200, 400, 404]).toContain(status);
          if (status === 200) expect(json.choices).toHaveLength(1);
          else
            expect(json.error).toMatchObject({
              message: expect.any(String),
              type: "invalid_request_error",
              code: expect.any(String),
            });
        },
      ),
      { numRuns: 200 },
    );
  });
});
