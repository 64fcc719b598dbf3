import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, serveBooks, type Served, settled } from "./served.js";

let served: Served;

beforeAll(async () => {
  served = await serveBooks();
});

afterAll(async () => {
  await settled(served.engine);
  const { blocks } = served.engine.stats();
  expect({ errors: served.errors, free: blocks.free }).toEqual({ errors: [], free: blocks.total });
  await served.close();
});

async function ask(path: string, body: object): Promise<any> {
  const response = await post(`${served.server.url}${path}`, { model: "books-5m", ...body });
  const json: any = await response.json();
  expect({ status: response.status, error: json.error }).toEqual({ status: 200, error: undefined });
  return json;
}
const messages = [{ role: "user", content: "Who are you?" }];
const person = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["old", "young"] }, maxItems: 2 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};

describe("a real vocabulary under a grammar", () => {
  it("says JSON of a schema, many at once", async () => {
    const format = { type: "json_schema", json_schema: { name: "person", schema: person } };
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, seed) =>
        ask("/v1/chat/completions", { messages, seed, n: 2, max_tokens: 200, response_format: format }),
      ),
    );
    for (const { choices } of answers) {
      for (const { message, finish_reason: reason } of choices) {
        expect(reason).toBe("stop");
        const value = JSON.parse(message.content);
        expect(Object.keys(value)).toEqual(["name", "age", "tags"]);
        expect([...value.name].length).toBeLessThanOrEqual(12);
        expect(value.age).toBeLessThanOrEqual(120);
      }
    }
  });

  it("says what a pattern matches", async () => {
    const { choices } = await ask("/v1/completions", {
      prompt: "Call",
      max_tokens: 30,
      guided_regex: "\\+\\d{2} \\d{3}-\\d{4}",
    });
    expect(choices[0].text).toMatch(/^\+\d{2} \d{3}-\d{4}$/);
  });

  it("calls a tool, also of a model that was never taught to", async () => {
    const tools = [{ type: "function", function: { name: "introduce", parameters: person } }];
    const { choices } = await ask("/v1/chat/completions", {
      messages,
      tools,
      tool_choice: "required",
      max_tokens: 200,
    });
    expect(choices[0].finish_reason).toBe("tool_calls");
    const [call] = choices[0].message.tool_calls;
    expect(call.function.name).toBe("introduce");
    expect(Object.keys(JSON.parse(call.function.arguments))).toEqual(["name", "age", "tags"]);
  });

  it("frees what it held when the client leaves", async () => {
    const controller = new AbortController();
    const body = { model: "books-5m", prompt: "a", guided_regex: "[a-z ]*", stream: true, ignore_eos: true };
    const response = await post(`${served.server.url}/v1/completions`, body, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await settled(served.engine);
  });
});

describe("embeddings of a real model", () => {
  it("of like texts are alike, of unlike ones less so, and of one text the same in any company", async () => {
    const input = [
      "It was a dark night, and the wind blew.",
      "The night was dark, and a wind was blowing.",
      "1854: 17, 23, 99.",
    ];
    const { data } = await ask("/v1/embeddings", { input });
    const vectors: number[][] = data.map(({ embedding }: { embedding: number[] }) => embedding);
    const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    for (const vector of vectors) expect(dot(vector, vector)).toBeCloseTo(1, 4);
    expect(dot(vectors[0]!, vectors[1]!)).toBeGreaterThan(dot(vectors[0]!, vectors[2]!));
    const alone = await ask("/v1/embeddings", { input: input[1] });
    expect(dot(alone.data[0].embedding, vectors[1]!)).toBeCloseTo(1, 4);
  });
});

describe("a prompt of a megabyte", () => {
  it("is counted on another thread: others are answered meanwhile", async () => {
    const { tokenizer } = served.engine.model;
    const prompt = "It was a dark night. ".repeat(45_000);
    let done = false;
    const counted = ask("/tokenize", { prompt }).finally(() => (done = true));
    let answered = 0;
    while (!done) {
      await fetch(`${served.server.url}/health/live`);
      answered++;
    }
    expect(answered).toBeGreaterThan(10);
    const { count } = await counted;
    // The text repeats, so its tokens do.
    const [one, two] = [450, 900].map((times) => tokenizer.encode("It was a dark night. ".repeat(times)).length);
    expect(count).toBe(one! + 99 * (two! - one!));
  });
});
