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
    ["frequency_penalty", [0], 0.5],
    ["function_call", ["none", "auto"], { name: "f" }],
    ["functions", [[]], [{ name: "f" }]],
    ["logit_bias", [{}], { "50256": -100 }],
    ["logprobs", [false], true],
    ["metadata", [{}, { a: "b" }], "a"],
    ["modalities", [["text"]], ["audio"]],
    ["n", [1], 2],
    ["parallel_tool_calls", [true, false], "yes"],
    ["prediction", [], { type: "content" }],
    ["presence_penalty", [0], -1],
    ["prompt_cache_key", ["a"], 1],
    ["reasoning_effort", ["none"], "high"],
    ["response_format", [{ type: "text" }], { type: "json_object" }],
    ["safety_identifier", ["a"], 1],
    ["service_tier", ["auto", "default"], "flex"],
    ["store", [false], true],
    ["tool_choice", ["none", "auto"], "required"],
    ["tools", [[]], [{ type: "function" }]],
    ["top_logprobs", [0], 5],
    ["user", ["me"], {}],
    ["verbosity", ["medium"], "high"],
    ["web_search_options", [], {}],
  ];
  const completionFields: typeof chatFields = [
    ["best_of", [1], 3],
    ["echo", [false], true],
    ["frequency_penalty", [0], 0.5],
    ["logit_bias", [{}], { "1": 1 }],
    ["logprobs", [], 0],
    ["n", [1], 0],
    ["presence_penalty", [0], 1],
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

describe("fields that are wrong", () => {
  it.each<[object, string, string]>([
    [{ model: undefined }, "model", "model is missing"],
    [{ model: 5 }, "model", "must be a string, but got 5"],
    [{ prompt: undefined }, "prompt", "prompt is missing"],
    [
      { prompt: {} },
      "prompt",
      "must be a string, an array of token ids, or an array of one of these, but got an object",
    ],
    [{ prompt: ["a", "b"] }, "prompt", "prompt holds 2 prompts, but batches are not supported yet"],
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
