import assert from "node:assert/strict";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { apiKey, busyUrl, check, failure, model, prompt, report, schema, url } from "./checks.mjs";

const at = (baseURL, key = apiKey) => ({
  model,
  apiKey: key,
  maxRetries: 0,
  configuration: { baseURL: `${baseURL}/v1` },
});
const question = "Tell me of the sea.";
const chat = new ChatOpenAI({ ...at(url), temperature: 0, maxTokens: 24 });
const roomy = new ChatOpenAI({ ...at(url), temperature: 0, maxTokens: 100 });
const weather = { type: "function", function: { name: "weather", description: "The weather.", parameters: schema } };
const mood = z.strictObject({ mood: z.enum(["glad", "sad"]), rainy: z.boolean() });

check("complete", async () => {
  const text = await new OpenAI({ ...at(url), temperature: 0, maxTokens: 8 }).invoke(prompt);
  assert.match(text, /[a-z]{2,}/);
});

check("chat", async () => {
  const { text, usage_metadata: usage } = await chat.invoke(question);
  assert.match(text, /[a-z]{2,}/);
  assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
});

check("stream", async () => {
  const whole = await chat.invoke(question);
  let text = "";
  for await (const chunk of await chat.stream(question)) text += chunk.text;
  assert.equal(text, whole.text);
});

check("embed", async () => {
  const vectors = await new OpenAIEmbeddings({ ...at(url) }).embedDocuments(["the sea", "a dark night"]);
  assert.equal(vectors.length, 2);
  for (const vector of vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3);
});

check("call a tool", async () => {
  const { tool_calls: calls } = await roomy.bindTools([weather], { tool_choice: "required" }).invoke(question);
  assert.equal(calls[0].name, "weather");
  mood.parse(calls[0].args);
});

check("JSON by schema", async () => {
  mood.parse(await roomy.withStructuredOutput(mood, { method: "jsonSchema", name: "weather" }).invoke(question));
});

check("log-probabilities", async () => {
  const talkative = new ChatOpenAI({ ...at(url), temperature: 0, maxTokens: 5, logprobs: true, topLogprobs: 2 });
  const { response_metadata: metadata } = await talkative.invoke(question);
  assert.equal(metadata.logprobs.content.length, 5);
  assert.equal(metadata.logprobs.content[0].top_logprobs.length, 2);
});

check("400", async () => {
  const error = await failure(new ChatOpenAI({ ...at(url), temperature: -1 }).invoke(question));
  assert.equal(error.status, 400);
  assert.match(error.message, /temperature/);
});

check("401", async () => {
  assert.equal((await failure(new ChatOpenAI(at(url, "wrong")).invoke(question))).status, 401);
});

check("429", async () => {
  const busy = new ChatOpenAI({ ...at(busyUrl), maxTokens: 400, modelKwargs: { ignore_eos: true } });
  const leaving = new AbortController();
  const answers = Array.from({ length: 4 }, () => busy.invoke(question, { signal: leaving.signal }));
  const error = await Promise.race(answers.map((answer) => failure(answer)));
  leaving.abort();
  await Promise.allSettled(answers);
  assert.equal(error.status, 429, String(error));
});

check("abort a stream", async () => {
  const leaving = new AbortController();
  const talkative = new ChatOpenAI(at(url));
  let chunks = 0;
  const read = async () => {
    for await (const _ of await talkative.stream(question, { signal: leaving.signal }))
      if (++chunks === 3) leaving.abort();
  };
  assert.match(String(await failure(read())), /abort/i);
  assert.ok(chunks >= 3 && chunks < 100);
});

await report();
