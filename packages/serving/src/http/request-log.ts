import { randomUUID } from "node:crypto";
import { type Logger } from "@whittle/core";

const FIT = /^[\x21-\x7e]{1,128}$/;

/** The id that the client gave the request, if it is fit to stand in a header and a log; else a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && FIT.test(given) ? given : randomUUID();
}

/** What is said of one request, in one line when it is over. Texts of prompts and answers are never among it. */
export class RequestLog {
  private readonly startedAt = performance.now();
  private readonly fields: Record<string, unknown>;
  private status = 0;
  private written = false;

  constructor(
    private readonly logger: Logger,
    request: Request,
    readonly requestId: string,
  ) {
    this.fields = { requestId, method: request.method, path: new URL(request.url).pathname.slice(0, 200) };
  }

  note(fields: Readonly<Record<string, unknown>>): void {
    Object.assign(this.fields, fields);
  }

  /** The answer's head is sent. */
  answered(status: number): void {
    this.status = status;
  }

  /** The answer is over: with its last byte, or because the client left. */
  ended(): void {
    if (this.written) return;
    this.written = true;
    const fields = { ...this.fields, status: this.status, durationMs: Math.round(performance.now() - this.startedAt) };
    if (this.status >= 500) this.logger.error("request", fields);
    else this.logger.info("request", fields);
  }
}

/** The same answer; `ended` is called once its body is sent or given up. */
export function watchEnd(response: Response, ended: () => void): Response {
  const { body } = response;
  if (body === null) {
    ended();
    return response;
  }
  const reader = body.getReader();
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
          ended();
        } catch (error) {
          controller.error(error);
          ended();
        }
      },
      async cancel(reason) {
        await reader.cancel(reason);
        ended();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(watched, { status: response.status, headers: response.headers });
}
