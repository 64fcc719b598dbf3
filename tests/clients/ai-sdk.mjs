import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, jsonSchema, Output, streamText, tool } from "ai";
import { apiKey, busyUrl, check, failure, model, prompt, report, schema, url } from "./checks.mjs";

const provider = (baseURL, key = apiKey) =>
  createOpenAICompatible({
    name: "whittle",
    baseURL: `${baseURL}/v1`,
    apiKey: key,
    supportsStructuredOutputs: true,
    includeUsage: true,
  });
const whittle = provider(url);
const options = { model: whittle.chatModel(model), prompt: "Tell me of the sea.", maxRetries: 0 };
const greedy = { ...options, temperature: 0, maxOutputTokens: 24 };

check("complete", async () => {
  const completion = { ...greedy, model: whittle.completionModel(model), prompt };
  const { text, usage, finishReason } = await generateText(completion);
  assert.match(text, /[a-z]{2,}/);
  assert.deepEqual([finishReason, usage.outputTokens], ["length", 24]);
});

check("chat", async () => {
  const { text, usage } = await generateText({ ...greedy, system: "Be brief." });
  assert.match(text, /[a-z]{2,}/);
  assert.ok(usage.inputTokens > 0);
});

check("stream", async () => {
  const whole = await generateText(greedy);
  const stream = streamText(greedy);
  let text = "";
  for await (const part of stream.textStream) text += part;
  assert.equal(text, whole.text);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
});

check("embed", async () => {
  const values = ["the sea", "a dark night"];
  const { embeddings } = await embedMany({ model: whittle.embeddingModel(model), values, maxRetries: 0 });
  assert.equal(embeddings.length, 2);
  for (const embedding of embeddings) assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-3);
});

check("call a tool", async () => {
  const weather = tool({ description: "The weather.", inputSchema: jsonSchema(schema) });
  const body = { ...greedy, maxOutputTokens: 100, tools: { weather }, toolChoice: "required" };
  const { toolCalls } = await generateText(body);
  assert.equal(toolCalls[0].toolName, "weather");
  assertMood(toolCalls[0].input);
});

check("JSON by schema", async () => {
  const output = Output.object({ schema: jsonSchema(schema) });
  assertMood((await generateText({ ...greedy, maxOutputTokens: 100, output })).output);
});

function assertMood({ mood, rainy, ...rest }) {
  assert.ok(["glad", "sad"].includes(mood) && typeof rainy === "boolean");
  assert.deepEqual(rest, {});
}

check("log-probabilities", async () => {
  // The SDK has no word for them: the provider passes fields on as they are, and the answer's body is there to read.
  const providerOptions = { whittle: { logprobs: true, top_logprobs: 2 } };
  const body = { ...greedy, maxOutputTokens: 5, providerOptions, include: { responseBody: true } };
  const { response } = await generateText(body);
  const { content } = response.body.choices[0].logprobs;
  assert.equal(content.length, 5);
  for (const { token, logprob, top_logprobs: top } of content)
    assert.deepEqual([top.length, top[0].token, top[0].logprob], [2, token, logprob]);
});

check("400", async () => {
  const error = await failure(generateText({ ...options, temperature: -1 }));
  assert.ok(APICallError.isInstance(error), String(error));
  assert.equal(error.statusCode, 400);
  assert.match(error.message, /temperature/);
});

check("401", async () => {
  const error = await failure(generateText({ ...options, model: provider(url, "wrong").chatModel(model) }));
  assert.equal(error.statusCode, 401);
});

check("429", async () => {
  const busy = provider(busyUrl).chatModel(model);
  const leaving = new AbortController();
  const body = { ...options, model: busy, maxOutputTokens: 400, abortSignal: leaving.signal };
  const answers = Array.from({ length: 4 }, () => generateText(body));
  const error = await Promise.race(answers.map((answer) => failure(answer)));
  leaving.abort();
  await Promise.allSettled(answers);
  assert.equal(error.statusCode, 429, String(error));
  assert.equal(error.isRetryable, true);
});

check("abort a stream", async () => {
  const leaving = new AbortController();
  const { fullStream } = streamText({ ...options, abortSignal: leaving.signal });
  const types = [];
  for await (const { type } of fullStream) {
    types.push(type);
    if (type === "text-delta") leaving.abort();
  }
  assert.equal(types.at(-1), "abort");
});

await report();
