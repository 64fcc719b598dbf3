import { once } from "node:events";
import { type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { WhittleError } from "@whittle/core";
import { Connections } from "./connections.js";
import { type Handler } from "./http/create-handler.js";

export interface ListenOptions {
  handler: Handler;
  /** Default: 127.0.0.1, which only this machine reaches. */
  host?: string;
  /** 0 takes any free one. Default: 8000. */
  port?: number;
  /** Takes any free port if this one is taken. Default: false. */
  fallback?: boolean;
  /** Connections at once. One more takes the place of the one that has been idle longest; if none is idle, it is closed. Default: 1024. */
  maxConnections?: number;
  /** How long a client may take for the headers of a request; then it is answered 408. Default: 10,000. */
  headersTimeoutMs?: number;
  /** How long it may take for a whole request, body included. Default: 60,000. */
  requestTimeoutMs?: number;
  /** How long a connection may be idle between two requests. Default: 5,000. */
  keepAliveTimeoutMs?: number;
  /** How long an answer may wait for a client that takes no byte of it; then the connection is cut and the request cancelled. Default: 60,000. */
  writeTimeoutMs?: number;
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

/** How often we and Node look for clients that take too long. */
const CHECK_EVERY_MS = 1000;

/**
 * Puts a handler on a port of this machine, on Node's own HTTP server.
 * @throws ListenError
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { host = "127.0.0.1", port = 8000, fallback = false, maxConnections = 1024, writeTimeoutMs = 60_000 } = options;
  let server: Server;
  try {
    server = await open(options, host, port);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (!fallback || port === 0 || failure.code !== "EADDRINUSE") throw new ListenError(host, port, failure);
    server = await open(options, host, 0);
  }
  const connections = new Connections(server, { most: maxConnections, writeTimeoutMs, checkEveryMs: CHECK_EVERY_MS });
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    url: urlOf(host, address.port),
    close: ({ graceMs = 10_000 } = {}) => connections.close(graceMs),
  };
}

async function open(options: ListenOptions, host: string, port: number): Promise<Server> {
  const { handler, headersTimeoutMs = 10_000, requestTimeoutMs = 60_000, keepAliveTimeoutMs = 5000 } = options;
  const server = createAdaptorServer({
    fetch: handler,
    // The program around us keeps its own Request and Response.
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
  }) as Server;
  server.listen(port, host);
  // Rejects if an "error" event comes first.
  await once(server, "listening");
  return server;
}

function urlOf(host: string, port: number): string {
  const anywhere = host === "0.0.0.0" || host === "::";
  return `http://${anywhere ? "localhost" : host.includes(":") ? `[${host}]` : host}:${port}`;
}
