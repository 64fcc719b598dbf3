import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const engine = createEngine({ model: randomModel(3, { maxPositions: 256 }) });
const handler = createHandler(engine);
const messages = [{ role: "user", content: "Hi" }];
const chat = async (fields: object) => {
  const { status, json } = await postJson(handler, "/v1/chat/completions", {
    model: "toy",
    messages,
    max_tokens: 120,
    ...fields,
  });
  expect({ status, error: json.error }).toEqual({ status: 200, error: undefined });
  return json.choices;
};
afterAll(async () => {
  await engine.close();
  await handler.close();
});

const schema = {
  type: "object",
  properties: {
    size: { type: "integer", minimum: 1, maximum: 9 },
    kind: { enum: ["big", "small"] },
    ok: { type: "boolean" },
  },
  required: ["size", "kind", "ok"],
};
const tools = [
  { type: "function", function: { name: "look_up", description: "x", parameters: schema } },
  { type: "function", function: { name: "wait" } },
];

describe("an answer of a structure", () => {
  it("is what the schema says, however wild the model", async () => {
    const format = { type: "json_schema", json_schema: { name: "thing", strict: true, schema } };
    for (const choice of await chat({ response_format: format, n: 4, temperature: 2, seed: 1 })) {
      expect(choice.finish_reason).toBe("stop");
      const { size, kind, ok, ...others } = JSON.parse(choice.message.content);
      expect(others).toEqual({});
      expect([Number.isInteger(size) && size >= 1 && size <= 9, ["big", "small"].includes(kind), typeof ok]).toEqual([
        true,
        true,
        "boolean",
      ]);
    }
  });

  it("is one of the choices, or what the pattern says, by either of vLLM's names", async () => {
    const complete = async (fields: object) =>
      (await postJson(handler, "/v1/completions", { model: "toy", prompt: "a", max_tokens: 30, seed: 2, ...fields }))
        .json.choices[0];
    for (const fields of [{ guided_choice: ["yes", "no"] }, { structured_outputs: { choice: ["yes", "no"] } }])
      expect(["yes", "no"]).toContain((await complete(fields)).text);
    for (const fields of [{ guided_regex: "\\d{3}-[x-z]+!" }, { structured_outputs: { regex: "\\d{3}-[x-z]{2}!" } }]) {
      const { text, finish_reason: reason } = await complete(fields);
      expect(text).toMatch(reason === "stop" ? /^\d{3}-[x-z]+!$/ : /^\d{3}-[x-z]*$/);
    }
    expect(JSON.parse((await complete({ guided_json: schema, max_tokens: 120 })).text)).toMatchObject({
      ok: expect.any(Boolean),
    });
    expect(JSON.parse((await complete({ guided_json: JSON.stringify({ const: [1] }) })).text)).toEqual([1]);
  });

  it("begins as an object where any object will do", async () => {
    const [choice] = await chat({ response_format: { type: "json_object" }, max_tokens: 12, seed: 5 });
    expect(choice.message.content).toMatch(/^\{("|\}$)/);
  });
});

describe("clients that leave in the middle of a structure", () => {
  it("keep no thread busy: later structures are begun", async () => {
    for (let i = 0; i < 5; i++) {
      const controller = new AbortController();
      const body = { model: "toy", prompt: "a", guided_regex: `[a-z]{100}${i}`, max_tokens: 110 };
      const streamed = await handler(post("/v1/completions", { ...body, stream: true }));
      const reader = streamed.body!.getReader();
      await reader.read();
      await reader.cancel();
      const whole = handler(post("/v1/completions", body, { signal: controller.signal }));
      while (engine.stats().running === 0) await new Promise(setImmediate);
      controller.abort();
      expect((await whole).status).toBe(499);
    }
    const { json } = await postJson(handler, "/v1/completions", { model: "toy", prompt: "a", guided_choice: ["done"] });
    expect(json.choices[0].text).toBe("done");
  });
});

describe("a call of a tool that must be", () => {
  it("is of a function there is, with arguments of its schema", async () => {
    const choices = await chat({ tools, tool_choice: "required", n: 6, temperature: 1, seed: 4 });
    for (const { message, finish_reason: reason } of choices) {
      expect(reason).toBe("tool_calls");
      expect(message.content).toBeNull();
      const [{ id, type, function: called }] = message.tool_calls;
      expect(id).toMatch(/^call_/);
      expect(type).toBe("function");
      expect(["look_up", "wait"]).toContain(called.name);
      if (called.name === "wait") expect(called.arguments).toBe("{}");
      else expect(Object.keys(JSON.parse(called.arguments))).toEqual(["size", "kind", "ok"]);
    }
  });

  it("is of the function that is named", async () => {
    const [{ message }] = await chat({ tools, tool_choice: { type: "function", function: { name: "wait" } } });
    expect(message.tool_calls).toMatchObject([{ function: { name: "wait", arguments: "{}" } }]);
  });

  it("is streamed as deltas that join to the same", async () => {
    const fields = {
      model: "toy",
      messages,
      max_tokens: 120,
      tools,
      tool_choice: { type: "function", function: { name: "look_up" } },
      seed: 9,
    };
    const [{ message }] = await chat(fields);
    const chunks = await readChunks(await handler(post("/v1/chat/completions", { ...fields, stream: true })));
    const deltas = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
    expect(deltas.length).toBeGreaterThan(3);
    expect(deltas[0]).toMatchObject({
      index: 0,
      id: expect.any(String),
      type: "function",
      function: { name: "look_up" },
    });
    expect(deltas.map((delta) => delta.function.arguments).join("")).toBe(message.tool_calls[0].function.arguments);
    expect(chunks.at(-1).choices[0].finish_reason).toBe("tool_calls");
  });
});

describe("tools of earlier turns", () => {
  it("are part of the chat", async () => {
    const turn = [
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "look_up", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "warm" },
    ];
    await chat({ messages: turn, max_tokens: 1 });
  });
});
