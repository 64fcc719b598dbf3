import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { type Socket } from "node:net";
import { ApiError } from "./http/api-error.js";

/** How long a client may take to read why it was refused. */
const LINGER_MS = 1000;

interface Connection {
  /** Requests that are being answered, the last of them. */
  requests: number;
  response: ServerResponse | undefined;
  /** Bytes that the system has taken, and when there were last more of them or none waited. */
  sent: number;
  movedMs: number;
}

export interface ConnectionOptions {
  /** Connections at once. */
  readonly most: number;
  /** How long an answer may wait for a client that reads nothing. */
  readonly writeTimeoutMs: number;
  readonly checkEveryMs: number;
}

/**
 * Knows which connections are answering a request. Node's own `closeIdleConnections` does not count one that never sent a request, so that such a one would hold up a
 * close until its headers time out.
 */
export class Connections {
  /** The one that was idle longest comes first. */
  private readonly open = new Map<Socket, Connection>();
  private closing = false;

  constructor(
    private readonly server: Server,
    private readonly options: ConnectionOptions,
  ) {
    const checking = setInterval(() => this.cutStuck(performance.now()), options.checkEveryMs).unref();
    server.once("close", () => clearInterval(checking));
    server.on("connection", (socket: Socket) => this.admit(socket));
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.count(socket, 1, response);
      response.once("close", () => this.count(socket, -1, undefined));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => this.refuse(error, socket));
  }

  /** Until the last connection is gone: idle ones now, busy ones when they have answered, all after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.closing = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const [socket, { requests }] of this.open) if (requests === 0) socket.destroy();
    const cut = setTimeout(() => this.server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  }

  /** When there are as many as may be, whoever was idle longest makes room: idle ones in any number keep nobody out. */
  private admit(socket: Socket): void {
    if (this.open.size >= this.options.most) {
      const idle = this.oldestIdle();
      if (!idle) return void socket.destroy();
      this.open.delete(idle);
      idle.destroy();
    }
    this.open.set(socket, { requests: 0, response: undefined, sent: 0, movedMs: performance.now() });
    socket.once("close", () => this.open.delete(socket));
  }

  private oldestIdle(): Socket | undefined {
    for (const [socket, { requests }] of this.open) if (requests === 0) return socket;
    return undefined;
  }

  private count(socket: Socket, change: number, response: ServerResponse | undefined): void {
    const connection = this.open.get(socket);
    if (!connection) return;
    connection.requests += change;
    connection.response = response;
    if (connection.requests > 0) return;
    // Now it is the youngest of the idle ones.
    this.open.delete(socket);
    this.open.set(socket, connection);
    // Its answer is with the system already; `end` lets it arrive.
    if (this.closing) socket.end();
  }

  /** A client that neither reads nor leaves would keep its place, and its request's, for ever: TCP itself has no such limit while the peer answers. */
  private cutStuck(nowMs: number): void {
    for (const [socket, connection] of this.open) {
      const sent = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || sent > connection.sent) {
        connection.sent = sent;
        connection.movedMs = nowMs;
      } else if (nowMs - connection.movedMs >= this.options.writeTimeoutMs) socket.destroy();
    }
  }

  /** What is no HTTP, or comes too slowly: an error as the API words it, if there is nothing on its way yet. */
  private refuse({ code }: NodeJS.ErrnoException, socket: Socket): void {
    if (code === "ECONNRESET" || !socket.writable || this.open.get(socket)?.response?.headersSent)
      return void socket.destroy();
    const error = wording(code);
    const body = JSON.stringify(error.body);
    socket.end(
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    // At once, the system could throw away what the client has not read yet; a client that never ends its side must not hold ours open.
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }
}

function wording(code: string | undefined): ApiError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new ApiError(408, "request_timeout", "the request did not arrive in time");
  if (code === "HPE_HEADER_OVERFLOW")
    return new ApiError(431, "headers_too_large", "the request's headers are too large");
  return new ApiError(400, "bad_request", "this is no HTTP request");
}
