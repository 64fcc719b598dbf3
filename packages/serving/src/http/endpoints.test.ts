import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { postJson } from "../testing/http.js";
import { randomModel, scriptedModel, scriptOf } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const engine = createEngine({ model: randomModel(1) });
const handler = createHandler(engine);
const ask = (path: string, fields: object) => postJson(handler, path, { model: "toy", ...fields });
afterAll(async () => {
  await engine.close();
  await handler.close();
});

const length = (vector: number[]): number => Math.hypot(...vector);
const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

describe("/v1/embeddings", () => {
  it("gives a vector of length 1 for each text, whatever its company", async () => {
    const { status, json } = await ask("/v1/embeddings", { input: ["Hello", "World", "x".repeat(120)] });
    expect(status).toBe(200);
    expect(json).toMatchObject({ object: "list", model: "toy", usage: { prompt_tokens: 130, total_tokens: 130 } });
    const vectors = json.data.map(({ embedding }: { embedding: number[] }) => embedding);
    expect(vectors).toHaveLength(3);
    for (const [index, vector] of vectors.entries()) {
      expect(json.data[index]).toMatchObject({ object: "embedding", index });
      expect(vector).toHaveLength(8);
      expect(length(vector)).toBeCloseTo(1, 5);
    }
    const alone = await ask("/v1/embeddings", { input: "World" });
    alone.json.data[0].embedding.forEach((value: number, i: number) => expect(value).toBeCloseTo(vectors[1][i], 5));
  });

  it("takes ids, and pools as asked", async () => {
    const [text, ids, last, one] = await Promise.all(
      [
        { input: "Hi!" },
        { input: bytesOf("Hi!") },
        { input: [bytesOf("Hi!")], pooling: "last" },
        { input: "H", pooling: "mean" },
      ].map(async (fields) => (await ask("/v1/embeddings", fields)).json.data[0].embedding),
    );
    expect(ids).toEqual(text);
    expect(last).not.toEqual(text);
    expect((await ask("/v1/embeddings", { input: "H", pooling: "last" })).json.data[0].embedding).toEqual(one);
  });

  it("gives base64 of 32-bit floats, as OpenAI's client asks for", async () => {
    const { json } = await ask("/v1/embeddings", { input: "Hi", encoding_format: "base64" });
    const bytes = Buffer.from(json.data[0].embedding, "base64");
    const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const plain = (await ask("/v1/embeddings", { input: "Hi" })).json.data[0].embedding;
    expect([...floats]).toEqual(plain);
  });

  it.each<[object, string, string]>([
    [{}, "input", "is missing"],
    [{ input: [] }, "input", "1 to 2048"],
    [{ input: "" }, "input", "a text is empty"],
    [{ input: ["a", ""] }, "input", "a text is empty"],
    [{ input: [1, 999] }, "input", "token 1 is 999"],
    [{ input: "x".repeat(129) }, "input", "the context is 128 tokens, but a text has 129"],
    [{ input: "a", dimensions: 4 }, "dimensions", "have 8, and are not shortened"],
    [{ input: "a", encoding_format: "hex" }, "encoding_format", "must be"],
    [{ input: "a", pooling: "max" }, "pooling", "must be"],
    [{ input: "a", temperature: 1 }, "temperature", "there is no field"],
  ])("refuses %j", async (fields, param, message) => {
    const { status, json } = await ask("/v1/embeddings", fields);
    expect({ status, ...json.error }).toMatchObject({ status: 400, param, message: expect.stringContaining(message) });
  });

  it("says so where a model has no states to give", async () => {
    const scripted = createEngine({ model: scriptedModel(scriptOf("a", "b")) });
    const { status, json } = await postJson(createHandler(scripted), "/v1/embeddings", { model: "toy", input: "a" });
    expect(status).toBe(400);
    expect(json.error.message).toContain("no states");
    await scripted.close();
  });
});

describe("/tokenize and /detokenize", () => {
  it("give ids and text", async () => {
    const { json } = await ask("/tokenize", { prompt: "Hé!", return_token_strs: true });
    expect(json).toEqual({
      count: 4,
      max_model_len: 128,
      tokens: bytesOf("Hé!"),
      token_strs: ["H", "\ufffd", "\ufffd", "!"],
    });
    expect((await ask("/detokenize", { tokens: json.tokens })).json).toEqual({ prompt: "Hé!" });
    const chat = await ask("/tokenize", { messages: [{ role: "user", content: "Hi" }] });
    expect((await ask("/detokenize", { tokens: chat.json.tokens })).json).toEqual({ prompt: "user: Hi\nassistant: " });
  });

  it.each<[string, object, string, string]>([
    ["/tokenize", {}, "prompt", "neither came"],
    ["/tokenize", { prompt: "a", messages: [{ role: "user", content: "a" }] }, "prompt", "both came"],
    ["/tokenize", { prompt: 5 }, "prompt", "must be a string"],
    ["/tokenize", { prompt: "a", wat: 1 }, "wat", "there is no field"],
    ["/detokenize", {}, "tokens", "is missing"],
    ["/detokenize", { tokens: [-1] }, "tokens[0]", "must be at least 0"],
    ["/detokenize", { tokens: [1, 257] }, "tokens[1]", "must be below 257, but got 257"],
    ["/detokenize", { tokens: ["a"] }, "tokens[0]", "must be an integer"],
  ])("%s refuses %j", async (path, fields, param, message) => {
    const { status, json } = await ask(path, fields);
    expect({ status, ...json.error }).toMatchObject({ status: 400, param, message: expect.stringContaining(message) });
  });
});

describe("/metrics", () => {
  it("counts what happened, by our names and by vLLM's", async () => {
    const counted = createEngine({ model: randomModel(1, { name: "counted" }) });
    const own = createHandler(counted);
    await postJson(own, "/v1/completions", {
      model: "counted",
      prompt: "Hello",
      max_tokens: 7,
      temperature: 0,
      ignore_eos: true,
    });
    await postJson(own, "/v1/completions", { model: "counted", prompt: "Hello", top_p: 7 });
    const response = await own(new Request("http://localhost/metrics"));
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const text = await response.text();
    for (const prefix of ["whittle", "vllm"]) {
      const value = (name: string, labels = ""): number => {
        const line = text.split("\n").find((one) => one.startsWith(`${prefix}:${name}{model_name="counted"${labels}}`));
        return Number(line?.split(" ").at(-1));
      };
      expect(value("num_requests_running")).toBe(0);
      expect(value("num_requests_waiting")).toBe(0);
      expect(value("kv_cache_usage_perc")).toBe(0);
      expect(
        value(
          "cache_config_info",
          `,block_size="${counted.stats().blockRows}",num_gpu_blocks="${counted.stats().blocks.total}"`,
        ),
      ).toBe(1);
      expect(value("prompt_tokens_total")).toBe(5);
      expect(value("generation_tokens_total")).toBe(7);
      expect(value("request_success_total", ',finished_reason="length"')).toBe(1);
      expect(value("request_success_total", ',finished_reason="stop"')).toBe(0);
      expect(value("prefix_cache_queries_total")).toBe(5);
      expect(value("prefix_cache_hits_total")).toBe(0);
      expect(value("num_preemptions_total")).toBe(0);
      for (const name of [
        "time_to_first_token_seconds",
        "e2e_request_latency_seconds",
        "request_queue_time_seconds",
        "request_prefill_time_seconds",
        "request_decode_time_seconds",
        "request_prompt_tokens",
        "request_generation_tokens",
      ])
        expect([name, value(`${name}_count`)]).toEqual([name, 1]);
      expect(value("inter_token_latency_seconds_count")).toBe(6);
      expect(value("request_generation_tokens_sum")).toBe(7);
      expect(value("iteration_tokens_total_count")).toBe(counted.stats().steps);
    }
    expect(text).toContain('whittle:http_requests_total{route="/v1/completions",status="400"} 1');
    await counted.close();
    await own.close();
  });
});
