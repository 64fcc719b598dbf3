import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { listen } from "./listen.js";

const hello = async (): Promise<Response> => new Response("hello");

/** A response that goes on until its client leaves. */
function endless(): { handler: () => Promise<Response>; left: Promise<void> } {
  let leave: () => void;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const body = () =>
    new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        controller.enqueue(new TextEncoder().encode("x"));
      },
      cancel: () => leave(),
    });
  return { handler: async () => new Response(body()), left };
}

describe("listening", () => {
  it("answers on loopback, on a port of its own choice", async () => {
    const server = await listen({ handler: hello, port: 0 });
    expect(server.host).toBe("127.0.0.1");
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(await (await fetch(server.url)).text()).toBe("hello");
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("says when the port is taken, or takes another if it may", async () => {
    const first = await listen({ handler: hello, port: 0 });
    await expect(listen({ handler: hello, port: first.port })).rejects.toMatchObject({
      code: "listen",
      message: `cannot listen on 127.0.0.1, port ${first.port}: it is taken`,
    });
    const second = await listen({ handler: hello, port: first.port, fallback: true });
    expect(second.port).not.toBe(first.port);
    await Promise.all([first.close(), second.close()]);
  });

  it("says when the host is not this machine's", async () => {
    await expect(listen({ handler: hello, host: "192.0.2.1", port: 0, fallback: true })).rejects.toMatchObject({
      code: "listen",
    });
  });

  it("leaves the program's Request and Response alone", async () => {
    const before = [globalThis.Request, globalThis.Response];
    const server = await listen({ handler: hello, port: 0 });
    expect([globalThis.Request, globalThis.Response]).toEqual(before);
    await server.close();
  });

  it("tells the handler when the client leaves", async () => {
    const { handler, left } = endless();
    const server = await listen({ handler, port: 0 });
    const controller = new AbortController();
    const response = await fetch(server.url, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
    await left;
    await server.close();
  });

  it("aborts the request's signal when the client leaves before the answer", async () => {
    let aborted: () => void;
    const gone = new Promise<void>((resolve) => (aborted = resolve));
    let arrived: () => void;
    const here = new Promise<void>((resolve) => (arrived = resolve));
    const handler = (request: Request): Promise<Response> => {
      request.signal.addEventListener("abort", () => aborted());
      arrived();
      return new Promise(() => undefined);
    };
    const server = await listen({ handler, port: 0 });
    const controller = new AbortController();
    const response = fetch(server.url, { method: "POST", body: "{}", signal: controller.signal });
    await here;
    controller.abort();
    await expect(response).rejects.toThrow();
    await gone;
    await server.close();
  });
});

describe("clients that hold on to what they do not use", () => {
  it("are answered 408 when their headers, or their body, do not come in time", async () => {
    const handler = async (request: Request): Promise<Response> => new Response(await request.text());
    const server = await listen({ handler, port: 0, headersTimeoutMs: 300, requestTimeoutMs: 600 });
    const said = async (begin: string): Promise<string> => {
      // Nor does it end its own side.
      const socket = connect({ port: server.port, host: server.host, allowHalfOpen: true });
      socket.setEncoding("utf8").write(begin);
      let text = "";
      socket.on("data", (part: string) => (text += part));
      await once(socket, "end");
      return text;
    };
    const answers = await Promise.all([
      said("GET / HT"),
      said(""),
      said("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"),
    ]);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(JSON.parse(answer.split("\r\n\r\n")[1]!)).toMatchObject({ error: { code: "request_timeout" } });
    }
    // The server waits for none of them.
    await server.close({ graceMs: 1e6 });
  });

  it("make room for others when there are too many of them", async () => {
    const { handler, left } = endless();
    const server = await listen({
      handler: (request) => (request.url.endsWith("/busy") ? handler() : hello()),
      port: 0,
      maxConnections: 4,
    });
    const busy = connect(server.port, server.host);
    busy.write("GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(busy, "data");
    const idle = Array.from({ length: 10 }, () => connect(server.port, server.host).on("error", () => undefined));
    await Promise.all(idle.slice(0, 7).map((socket) => once(socket, "close")));
    expect(busy.destroyed).toBe(false);
    expect(await (await fetch(server.url, { headers: { connection: "close" } })).text()).toBe("hello");
    for (const socket of [busy, ...idle]) socket.destroy();
    await left;
    await server.close();
  });

  it("are cut off when they read nothing of their answer, and nobody else is", async () => {
    let left: () => void;
    const gone = new Promise<void>((resolve) => (left = resolve));
    const piece = new Uint8Array(2 ** 20);
    const flood = (): Response =>
      new Response(
        new ReadableStream(
          { pull: (controller) => controller.enqueue(piece), cancel: () => left() },
          { highWaterMark: 0 },
        ),
      );
    const { handler: slow, left: slowLeft } = endless();
    const server = await listen({
      handler: async (request) => (request.url.endsWith("/flood") ? flood() : slow()),
      port: 0,
      writeTimeoutMs: 1500,
    });
    const reading = connect(server.port, server.host);
    reading.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    reading.resume();
    const dead = connect(server.port, server.host).on("error", () => undefined);
    dead.write("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    dead.pause();
    await gone;
    expect(reading.destroyed).toBe(false);
    for (const socket of [reading, dead]) socket.destroy();
    await slowLeft;
    await server.close();
  });
});

describe("closing", () => {
  it("lets requests under way end, and does not wait for idle connections", async () => {
    let answer: () => void;
    const may = new Promise<void>((resolve) => (answer = resolve));
    const server = await listen({ handler: () => may.then(hello), port: 0 });
    const response = fetch(server.url);
    const idle = connect(server.port, server.host);
    await once(idle, "connect");
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Waiting for the idle one would take longer than the test may.
    const closed = server.close({ graceMs: 1e6 });
    await expect(fetch(server.url)).rejects.toThrow();
    answer!();
    expect(await (await response).text()).toBe("hello");
    await closed;
  });

  it("cuts off what does not end in time", async () => {
    const { handler, left } = endless();
    const server = await listen({ handler, port: 0 });
    const response = await fetch(server.url);
    const reading = response.text();
    reading.catch(() => undefined);
    await server.close({ graceMs: 20 });
    await left;
    await expect(reading).rejects.toThrow();
  });
});
