import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What the server did with one request, in times of `performance.now()`. */
export interface Served {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
  firstMs: number;
  lastMs: number;
}

/** How the n-th request is answered. Default: one word after another, as many as `max_tokens` says. */
export type Behaviour = "answer" | "refuse" | "break off" | "error event" | "hang";

export interface FakeServer {
  readonly url: string;
  readonly served: Served[];
  close(): Promise<void>;
}

const firstTokenMs = 20;
const gapMs = 5;

/** An OpenAI-compatible server in this process, for tests: a token is a word, the first comes after 20 ms, the next ones after 5 ms each. */
export async function fakeOpenAiServer(behaviour: (index: number) => Behaviour = () => "answer"): Promise<FakeServer> {
  const served: Served[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/v1/models") {
      const data = [{ id: "fake-small", max_model_len: 100 }, { id: "fake-large" }];
      response.end(JSON.stringify({ object: "list", data }));
    } else {
      void answer(request, response, behaviour(served.length), served).catch(() => response.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: Behaviour,
  served: Served[],
): Promise<void> {
  const entry: Served = {
    path: request.url!,
    body: {},
    authorization: request.headers.authorization,
    firstMs: 0,
    lastMs: 0,
  };
  served.push(entry);
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  const body = JSON.parse(text) as { prompt?: string; messages?: { content: string }[]; max_tokens: number };
  Object.assign(entry, { body });
  if (behaviour === "hang") return;
  if (behaviour === "refuse") {
    response.writeHead(429, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "come again later" } }));
    return;
  }
  const send = (event: object | string) =>
    response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let token = 0; token < body.max_tokens; token++) {
    await sleep(token === 0 ? firstTokenMs : gapMs);
    entry.lastMs = performance.now();
    if (token === 0) entry.firstMs = entry.lastMs;
    if (token === 1 && behaviour === "break off") {
      response.destroy();
      return;
    }
    if (token === 1 && behaviour === "error event") {
      send({ error: { message: "the device is gone" } });
      response.end();
      return;
    }
    send({ choices: [body.messages ? { delta: { content: "word " } } : { text: "word " }] });
  }
  const prompt = body.prompt ?? body.messages!.map(({ content }) => content).join(" ");
  send({ choices: [body.messages ? { delta: {}, finish_reason: "length" } : { text: "", finish_reason: "length" }] });
  send({ choices: [], usage: { prompt_tokens: prompt.split(" ").length, completion_tokens: body.max_tokens } });
  send("[DONE]");
  response.end();
}
