import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createHandler, listen, type ApiHandler, type Listening } from "@whittle/serving";
import { afterAll, beforeAll, expect, it } from "vitest";
import { post, serveBooks, type Served, settled } from "./served.js";

/** What the system's buffers of a connection take, at most, and then some. */
const SYSTEM_BUFFERS = 8e6;
const [CHOICES, TOKENS] = [32, 400];

/** How many bytes of streams were made, and which streams are open. */
const streams = { bytes: 0, open: new Set<object>() };
let served: Served;
let handler: ApiHandler;
let server: Listening;

beforeAll(async () => {
  served = await serveBooks({}, { maxSequences: CHOICES + 1 });
  handler = createHandler(served.engine, { onError: (error) => served.errors.push(error) });
  server = await listen({ handler: async (request) => counted(await handler(request)), port: 0 });
});

afterAll(async () => {
  await server.close({ graceMs: 1000 });
  await handler.close();
  await served.close();
});

/** The response, its events counted as the server takes them. */
function counted(response: Response): Response {
  if (!response.headers.get("content-type")!.startsWith("text/event-stream")) return response;
  const reader = response.body!.getReader();
  streams.open.add(reader);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          streams.open.delete(reader);
          return controller.close();
        }
        streams.bytes += value.length;
        controller.enqueue(value);
      },
      async cancel(reason) {
        streams.open.delete(reader);
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}

/** Asks for a long stream, more than the system holds, each token with many log-probabilities, and reads nothing of it. */
async function deadClient(tokens = TOKENS): Promise<Socket> {
  const socket = connect(server.port, server.host);
  socket.pause();
  await once(socket, "connect");
  const body = JSON.stringify({
    model: "books-5m",
    messages: [{ role: "user", content: "Hi" }],
    n: CHOICES,
    max_tokens: tokens,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
    stream: true,
  });
  socket.write(
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n" +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  while (served.engine.stats().running < CHOICES) await new Promise(setImmediate);
  return socket;
}

async function another(): Promise<number> {
  const response = await post(`${server.url}/v1/completions`, { model: "books-5m", prompt: "The", max_tokens: 2 });
  await response.arrayBuffer();
  return response.status;
}

function expectNothingLeft(): void {
  const { running, waiting, blocks, failedSteps } = served.engine.stats();
  expect({ running, waiting, failedSteps, free: blocks.free }).toEqual({
    running: 0,
    waiting: 0,
    failedSteps: 0,
    free: blocks.total,
  });
  expect(served.errors).toEqual([]);
}

it("a client that reads nothing holds up neither the engine nor others, and its stream is not made before it reads", async () => {
  streams.bytes = 0;
  const client = await deadClient();
  expect(await another()).toBe(200);
  expect(served.engine.stats().running).toBe(CHOICES);
  await settled(served.engine);
  expectNothingLeft();
  expect(await another()).toBe(200);
  const unread = streams.bytes;
  expect(unread).toBeLessThan(SYSTEM_BUFFERS);

  // It reads after all: everything is there.
  let [read, tail] = [0, ""];
  client.on("data", (part: Buffer) => {
    read += part.length;
    tail = (tail + part.toString("latin1")).slice(-100);
  });
  client.resume();
  await once(client, "close");
  expect(tail).toContain("data: [DONE]\n\n");
  expect(read).toBeGreaterThan(streams.bytes);
  // Else the bound above would say little.
  expect(streams.bytes).toBeGreaterThan(1.5 * SYSTEM_BUFFERS);
  expect(streams.open.size).toBe(0);
});

it("one that never reads and then vanishes is let go of, in the middle or after the end", async () => {
  const early = await deadClient();
  early.resetAndDestroy();
  expect(await settled(served.engine)).toBeLessThan(TOKENS / 2);
  expectNothingLeft();

  const late = await deadClient(TOKENS / 2);
  await settled(served.engine);
  expect(streams.open.size).toBe(1);
  late.resetAndDestroy();
  while (streams.open.size > 0) await new Promise(setImmediate);
  expectNothingLeft();
});
