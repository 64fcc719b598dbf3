import assert from "node:assert/strict";
import OpenAI from "openai";
import { apiKey, busyUrl, check, failure, messages, model, prompt, report, schema, url } from "./checks.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

check("list", async () => {
  const ids = [];
  for await (const { id } of client.models.list()) ids.push(id);
  assert.deepEqual(ids, [model]);
  assert.equal((await client.models.retrieve(model)).id, model);
});

check("complete", async () => {
  const body = { model, prompt, max_tokens: 8, temperature: 0 };
  const { choices, usage } = await client.completions.create(body);
  assert.equal(choices.length, 1);
  assert.match(choices[0].text, /[a-z]{2,}/);
  assert.equal(choices[0].finish_reason, "length");
  assert.equal(usage.completion_tokens, 8);
  const several = await client.completions.create({
    ...body,
    prompt: [prompt, "The old man"],
    n: 2,
    temperature: 1,
    seed: 1,
  });
  assert.deepEqual(new Set(several.choices.map(({ index }) => index)), new Set([0, 1, 2, 3]));
});

check("chat", async () => {
  const { choices, usage } = await client.chat.completions.create({
    model,
    messages,
    max_completion_tokens: 8,
    temperature: 0,
  });
  assert.equal(choices[0].message.role, "assistant");
  assert.match(choices[0].message.content, /[a-z]{2,}/);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});

check("stream", async () => {
  const body = { model, messages, max_completion_tokens: 24, temperature: 0 };
  const whole = await client.chat.completions.create(body);
  const stream = await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

check("embed", async () => {
  const { data } = await client.embeddings.create({ model, input: ["the sea", "the sea", "a dark night"] });
  const [a, same, other] = data.map(({ embedding }) => embedding);
  const product = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  assert.ok(Math.abs(product(a, a) - 1) < 1e-3, `the length is ${product(a, a)}`);
  assert.ok(product(a, same) > 0.999 && product(a, other) < 0.999, `${product(a, same)} ${product(a, other)}`);
});

const tools = [{ type: "function", function: { name: "weather", description: "The weather.", parameters: schema } }];

check("call a tool", async () => {
  const body = { model, messages, tools, tool_choice: "required", max_completion_tokens: 100, temperature: 0 };
  const { choices } = await client.chat.completions.create(body);
  assert.equal(choices[0].finish_reason, "tool_calls");
  const [call] = choices[0].message.tool_calls;
  assert.equal(call.function.name, "weather");
  assertMood(JSON.parse(call.function.arguments));
});

check("JSON by schema", async () => {
  const format = { type: "json_schema", json_schema: { name: "weather", schema, strict: true } };
  const body = { model, messages, response_format: format, max_completion_tokens: 100, temperature: 0 };
  const { choices } = await client.chat.completions.create(body);
  assertMood(JSON.parse(choices[0].message.content));
});

function assertMood({ mood, rainy, ...rest }) {
  assert.ok(["glad", "sad"].includes(mood) && typeof rainy === "boolean");
  assert.deepEqual(rest, {});
}

check("log-probabilities", async () => {
  const body = { model, messages, logprobs: true, top_logprobs: 3, max_completion_tokens: 5, temperature: 0 };
  const { choices } = await client.chat.completions.create(body);
  const { content } = choices[0].logprobs;
  assert.equal(content.length, 5);
  for (const { token, logprob, top_logprobs: top } of content) {
    assert.equal(top.length, 3);
    assert.ok(logprob <= 0);
    // Greedy: the token is the most probable one.
    assert.deepEqual([top[0].token, top[0].logprob], [token, logprob]);
  }
});

check("log-probabilities of a prompt", async () => {
  const body = { model, prompt: [prompt, "The old man"], echo: true, logprobs: 1, max_tokens: 0 };
  const { choices, usage } = await client.completions.create(body);
  assert.deepEqual([choices[0].text, choices[1].text], body.prompt);
  assert.equal(usage.completion_tokens, 0);
  for (const { logprobs } of choices) {
    const [first, ...others] = logprobs.token_logprobs;
    assert.equal(first, null);
    assert.ok(others.length > 1 && others.every((logprob) => logprob < 0));
    assert.equal(logprobs.tokens.length, logprobs.text_offset.length);
  }
});

check("400", async () => {
  const error = await failure(client.completions.create({ model, prompt, temperature: -1 }));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, "temperature");
  const unknown = await failure(client.completions.create({ model, prompt, temprature: 1 }));
  assert.deepEqual([unknown.status, unknown.code, unknown.param], [400, "unknown_parameter", "temprature"]);
  assert.ok((await failure(client.models.retrieve("gpt-5"))) instanceof OpenAI.NotFoundError);
});

check("401", async () => {
  const error = await failure(new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 }).models.list());
  assert.ok(error instanceof OpenAI.AuthenticationError);
});

check("429", async () => {
  const busy = new OpenAI({ baseURL: `${busyUrl}/v1`, apiKey, maxRetries: 0 });
  const leaving = new AbortController();
  const body = { model, prompt, temperature: 1, seed: 1, ignore_eos: true };
  const answers = Array.from({ length: 4 }, () => busy.completions.create(body, { signal: leaving.signal }));
  const error = await Promise.race(answers.map((answer) => failure(answer)));
  leaving.abort();
  await Promise.allSettled(answers);
  assert.ok(error instanceof OpenAI.RateLimitError, String(error));
  assert.ok(Number(error.headers.get("retry-after")) > 0);
});

check("abort a stream", async () => {
  const stream = await client.completions.create({ model, prompt, temperature: 1, seed: 2, stream: true });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 3) stream.controller.abort();
  assert.ok(chunks >= 3 && chunks < 100);
});

await report();
