import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, type Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { WhittleError } from "@whittle/core";
import { type Handler } from "./http/create-handler.js";

export interface ListenOptions {
  handler: Handler;
  /** Default: 127.0.0.1, which only this machine reaches. */
  host?: string;
  /** 0 takes any free one. Default: 8000. */
  port?: number;
  /** Takes any free port if this one is taken. Default: false. */
  fallback?: boolean;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Where a browser on this machine finds it. */
  readonly url: string;
  /** Takes no more connections, waits for requests under way, and after `graceMs` (default: 10,000) cuts off what is left. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** The port cannot be taken. */
export class ListenError extends WhittleError {
  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const reason = cause.code === "EADDRINUSE" ? "it is taken" : cause.message;
    super("listen", `cannot listen on ${host}, port ${port}: ${reason}`, { cause });
  }
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Puts a handler on a port of this machine, on Node's own HTTP server.
 * @throws ListenError
 */
export async function listen({
  handler,
  host = "127.0.0.1",
  port = 8000,
  fallback = false,
}: ListenOptions): Promise<Listening> {
  let server: Server;
  try {
    server = await open(handler, host, port);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (!fallback || port === 0 || failure.code !== "EADDRINUSE") throw new ListenError(host, port, failure);
    server = await open(handler, host, 0);
  }
  const connections = new Connections(server);
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    url: urlOf(host, address.port),
    close: ({ graceMs = 10_000 } = {}) => connections.close(graceMs),
  };
}

async function open(handler: Handler, host: string, port: number): Promise<Server> {
  const server = createAdaptorServer({
    fetch: handler,
    // The program around us keeps its own Request and Response.
    overrideGlobalObjects: false,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
  }) as Server;
  server.listen(port, host);
  // Rejects if an "error" event comes first.
  await once(server, "listening");
  return server;
}

/**
 * Knows which connections are answering a request. Node's own `closeIdleConnections` does not count one that never sent a request, so that such a one would hold up a
 * close until its headers time out.
 */
class Connections {
  private readonly requests = new Map<Socket, number>();
  private closing = false;

  constructor(private readonly server: Server) {
    server.on("connection", (socket: Socket) => {
      this.requests.set(socket, 0);
      socket.once("close", () => this.requests.delete(socket));
    });
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.count(socket, 1);
      response.once("close", () => this.count(socket, -1));
    });
  }

  /** Until the last connection is gone: idle ones now, busy ones when they have answered, all after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.closing = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const [socket, requests] of this.requests) if (requests === 0) socket.destroy();
    const cut = setTimeout(() => this.server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  }

  private count(socket: Socket, change: number): void {
    const requests = (this.requests.get(socket) ?? 0) + change;
    if (this.requests.has(socket)) this.requests.set(socket, requests);
    // Its answer is with the system already; `end` lets it arrive.
    if (this.closing && requests === 0) socket.end();
  }
}

function urlOf(host: string, port: number): string {
  const anywhere = host === "0.0.0.0" || host === "::";
  return `http://${anywhere ? "localhost" : host.includes(":") ? `[${host}]` : host}:${port}`;
}
