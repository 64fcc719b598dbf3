import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { post, serveBooks, type Served, settled } from "./served.js";

let served: Served;
let url: string;
const prompt = "It was a dark night, and";

beforeAll(async () => {
  served = await serveBooks();
  url = served.server.url;
});

afterAll(async () => {
  expect(served.errors).toEqual([]);
  const { running, waiting, blocks, failedSteps } = served.engine.stats();
  expect({ running, waiting, failedSteps, free: blocks.free }).toEqual({
    running: 0,
    waiting: 0,
    failedSteps: 0,
    free: blocks.total,
  });
  await served.close();
});

interface Answer {
  choices: { text: string; finish_reason: string }[];
  usage: { completion_tokens: number };
}

async function whole(body: object): Promise<Answer> {
  const response = await post(`${url}/v1/completions`, { model: "books-5m", prompt, ...body });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** A stream's chunks with the time of each, in ms. */
async function streamed(body: object): Promise<{ text: string; times: number[] }> {
  const response = await post(`${url}/v1/completions`, { model: "books-5m", prompt, stream: true, ...body });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const times: number[] = [];
  let events = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))) {
    times.push(performance.now());
    events += part;
  }
  const data = events
    .trimEnd()
    .split("\n\n")
    .map((event) => event.slice("data: ".length));
  expect(data.pop()).toBe("[DONE]");
  return { text: data.map((event) => (JSON.parse(event) as Answer).choices[0]!.text).join(""), times };
}

describe("over a real port", () => {
  it("a stream says what the answer in one piece says, and says it as it is made", async () => {
    const { choices, usage } = await whole({ max_tokens: 100, temperature: 0 });
    expect(usage.completion_tokens).toBe(100);
    expect(choices[0]!.text).toMatch(/[a-z]{3,} [a-z]{3,}/);
    const { text, times } = await streamed({ max_tokens: 100, temperature: 0 });
    expect(text).toBe(choices[0]!.text);
    expect(new Set(times).size).toBeGreaterThan(5);
  });

  it("eight streams at once each get their own text", async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => ({
      prompt: `${"The old man ".repeat(i + 1)}said`,
      max_tokens: 60,
      temperature: i % 2,
      seed: i,
    }));
    const alone = [];
    for (const body of bodies) alone.push((await whole(body)).choices[0]!.text);
    const { steps } = served.engine.stats();
    const together = await Promise.all(bodies.map(streamed));
    expect(together.map(({ text }) => text)).toEqual(alone);
    // They share steps: one after the other they would take 480.
    expect(served.engine.stats().steps - steps).toBeLessThan(200);
  });

  it("chat goes through the model's own template", async () => {
    const body = { model: "books-5m", messages: [{ role: "user", content: prompt }], max_tokens: 5, temperature: 0 };
    const response = await post(`${url}/v1/chat/completions`, body);
    const { choices, usage } = (await response.json()) as any;
    expect(choices[0].message.content.length).toBeGreaterThan(3);
    const [rendered] = [served.engine.model.tokenizer.encodeChat(body.messages)];
    expect(usage.prompt_tokens).toBe(rendered.length);
  });
});

describe("a client that goes away", () => {
  const long = { model: "books-5m", prompt, temperature: 1, seed: 3 };

  it("frees its blocks within one step: by abort, streamed or not", async () => {
    for (const stream of [true, false]) {
      const controller = new AbortController();
      const generated = served.engine.stats().generatedTokens;
      const response = post(`${url}/v1/completions`, { ...long, stream }, { signal: controller.signal });
      if (stream) await (await response).body!.getReader().read();
      else while (served.engine.stats().generatedTokens < generated + 3) await new Promise(setImmediate);
      controller.abort();
      await response.catch(() => undefined);
      await settled(served.engine);
      // Some tokens pass before the news arrives; the whole context would be 480.
      expect(served.engine.stats().generatedTokens - generated).toBeLessThan(300);
    }
  });

  it("frees its blocks when its connection breaks", async () => {
    const { finishedRequests } = served.engine.stats();
    const socket = await open();
    socket.write(request("/v1/completions", JSON.stringify({ ...long, stream: true })));
    await once(socket, "data");
    socket.resetAndDestroy();
    await settled(served.engine);
    expect(served.engine.stats().finishedRequests).toBe(finishedRequests + 1);
  });

  it("is gone once it has ended its side: nothing else tells that it left", async () => {
    const { finishedRequests, generatedTokens } = served.engine.stats();
    const socket = await open();
    socket.write(request("/v1/completions", JSON.stringify(long)));
    while (served.engine.stats().generatedTokens === generatedTokens) await new Promise(setImmediate);
    socket.end();
    await all(socket);
    await settled(served.engine);
    expect(served.engine.stats().finishedRequests).toBe(finishedRequests + 1);
    expect(served.engine.stats().generatedTokens - generatedTokens).toBeLessThan(300);
  });
});

describe("hostile clients", () => {
  const bytes = (text: string): string =>
    JSON.stringify({ model: "books-5m", prompt: "x", max_tokens: 1 }).replace('"x"', text);

  it.each<[string, string | Buffer, RegExp]>([
    [
      "1 MB of nested arrays",
      request("/v1/completions", bytes("[".repeat(500_000) + "]".repeat(500_000))),
      /^HTTP\/1\.1 400 [\s\S]*levels deep/,
    ],
    [
      "1 MB of nested objects",
      request("/v1/completions", bytes('{"a":'.repeat(150_000) + "1" + "}".repeat(150_000))),
      /^HTTP\/1\.1 400 [\s\S]*levels deep/,
    ],
    ["2 MB", request("/v1/completions", "x".repeat(2 ** 21)), /^HTTP\/1\.1 413 /],
    [
      "a prompt far longer than the context",
      request("/v1/completions", bytes(JSON.stringify("na ".repeat(20_000)))),
      /^HTTP\/1\.1 400 [\s\S]*context_length_exceeded/,
    ],
    [
      "two of one key",
      request("/v1/completions", '{"model":"books-5m","prompt":"a","max_tokens":1,"max_tokens":-1}'),
      /^HTTP\/1\.1 400 [\s\S]*"param":"max_tokens"/,
    ],
    [
      "a number too large",
      request("/v1/completions", '{"model":"books-5m","prompt":"a","max_tokens":1e999}'),
      /^HTTP\/1\.1 400 [\s\S]*"param":"max_tokens"/,
    ],
    [
      "no number",
      request("/v1/completions", '{"model":"books-5m","prompt":"a","temperature":NaN}'),
      /^HTTP\/1\.1 400 [\s\S]*"param":"temperature","code":"invalid_json"/,
    ],
    [
      "a key of every prototype",
      request("/v1/completions", '{"model":"books-5m","prompt":"a","max_tokens":1,"__proto__":{"n":2}}'),
      /^HTTP\/1\.1 400 [\s\S]*"param":"__proto__"/,
    ],
    [
      "bytes that are no UTF-8",
      Buffer.concat([
        Buffer.from(
          "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 34\r\nConnection: close\r\n\r\n",
        ),
        Buffer.from('{"model":"books-5m","prompt":"'),
        Buffer.from([0xc3, 0x28]),
        Buffer.from('"}'),
      ]),
      /^HTTP\/1\.1 400 [\s\S]*no valid UTF-8/,
    ],
    [
      "a request inside of a request's body",
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n{}\r\nGET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "a foreign name",
      "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 403 [\s\S]*host_not_allowed/,
    ],
    [
      "a page from elsewhere",
      request("/v1/completions", bytes('"a"')).replace("Host:", "Origin: https://evil.example\r\nHost:"),
      /^HTTP\/1\.1 403 [\s\S]*origin_not_allowed/,
    ],
    [
      "a schema that eats its own tail",
      request(
        "/v1/completions",
        '{"model":"books-5m","prompt":"a","max_tokens":1,"guided_json":{"anyOf":[{"$ref":"#"}]}}',
      ),
      /^HTTP\/1\.1 400 [\s\S]*leads back to itself/,
    ],
    [
      "a pattern that grows without bounds",
      request(
        "/v1/completions",
        '{"model":"books-5m","prompt":"a","max_tokens":1,"guided_regex":"(((a{99}){99}){99}){99}"}',
      ),
      /^HTTP\/1\.1 400 [\s\S]*more than 5000 characters/,
    ],
    [
      "half a character",
      request("/v1/completions", '{"model":"books-5m","prompt":"\\ud800","max_tokens":1}'),
      /^HTTP\/1\.1 200 /,
    ],
    [
      "a control token as text",
      request("/v1/completions", '{"model":"books-5m","prompt":"<|endoftext|>","max_tokens":1}'),
      /^HTTP\/1\.1 200 [\s\S]*"prompt_tokens":([2-9]|\d\d)/,
    ],
    [
      "two lengths",
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "a length and chunks",
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "a way out of the tree",
      "GET /v1/models/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 404 [\s\S]*model_not_found/,
    ],
    ["no HTTP", "\x16\x03\x01\x02\x00\r\n\r\n", /^HTTP\/1\.1 400 [\s\S]*bad_request/],
    [
      "headers without end",
      `GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(100_000)}`,
      /^HTTP\/1\.1 431 [\s\S]*headers_too_large/,
    ],
  ])("get a clear answer, and others theirs: %s", async (_, text, expected) => {
    const socket = await open();
    socket.write(text);
    expect(await all(socket)).toMatch(expected);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await whole({ max_tokens: 2 })).usage.completion_tokens).toBe(2);
  });

  it("ten thousand idle connections keep nobody out", async () => {
    const idle = Array.from({ length: 10_000 }, () =>
      connect(served.server.port, served.server.host).on("error", () => undefined),
    );
    await Promise.all(idle.map((socket) => Promise.race([once(socket, "connect"), once(socket, "close")])));
    const started = await whole({ max_tokens: 2 });
    expect(started.usage.completion_tokens).toBe(2);
    for (const socket of idle) socket.destroy();
  });

  it("a hundred of them leaving in the middle of a body leave nothing behind", async () => {
    const { finishedRequests } = served.engine.stats();
    for (let i = 0; i < 100; i++) {
      const socket = await open();
      socket.write(request("/v1/completions", JSON.stringify({ model: "books-5m", prompt })).slice(0, -10));
      socket.destroy();
    }
    expect((await whole({ max_tokens: 2 })).usage.completion_tokens).toBe(2);
    expect(served.engine.stats().finishedRequests).toBe(finishedRequests + 1);
  });
});

async function open(): Promise<Socket> {
  const socket = connect(served.server.port, served.server.host);
  await once(socket, "connect");
  return socket;
}

/** All that comes until the server ends the connection. A server that refuses a body may cut the client off while it still writes. */
async function all(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => undefined);
  socket.on("data", (part: string) => (text += part));
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

function request(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
