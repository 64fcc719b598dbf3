import { once } from "node:events";
import { type Server } from "node:http";
import { type AddressInfo } from "node:net";
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
const DRAIN_POLL_MS = 25;

/**
 * Puts a handler on a port of this machine, on Node's own HTTP server.
 * @throws ListenError
 */
export async function listen({ handler, host = "127.0.0.1", port = 8000, fallback = false }: ListenOptions): Promise<Listening> {
  let server: Server;
  try {
    server = await open(handler, host, port);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (!fallback || port === 0 || failure.code !== "EADDRINUSE") throw new ListenError(host, port, failure);
    server = await open(handler, host, 0);
  }
  const address = server.address() as AddressInfo;
  return { host, port: address.port, url: urlOf(host, address.port), close: ({ graceMs = 10_000 } = {}) => close(server, graceMs) };
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

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that was busy at the call turns idle later, and nobody would end it.
  const sweep = setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

function urlOf(host: string, port: number): string {
  const anywhere = host === "0.0.0.0" || host === "::";
  return `http://${anywhere ? "localhost" : host.includes(":") ? `[${host}]` : host}:${port}`;
}
