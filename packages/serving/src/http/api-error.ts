import { isWhittleError, WhittleError } from "@whittle/core";
import { fieldName } from "./field-names.js";

/** An error as OpenAI's API puts it. `param` names the field at fault, with its path. */
export class ApiError extends WhittleError {
  readonly status: number;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    details: { param?: string | undefined; headers?: Record<string, string> } = {},
  ) {
    super(code, message);
    this.status = status;
    this.param = details.param ?? null;
    this.headers = details.headers ?? {};
  }

  /** `{ error: { message, type, param, code } }` */
  get body(): { error: { message: string; type: string; param: string | null; code: string } } {
    return { error: { message: this.message, type: typeOf(this.status), param: this.param, code: this.code } };
  }

  /** Whether something is wrong with the server. Time that ran out is what was asked for. */
  get isFault(): boolean {
    return this.status >= 500 && this.status !== 504;
  }

  toResponse(): Response {
    return Response.json(this.body, { status: this.status, headers: this.headers });
  }
}

function typeOf(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** 400: a field is wrong. */
export function invalid(param: string | undefined, message: string, code = "invalid_value"): ApiError {
  return new ApiError(400, code, message, { param });
}

/** 499, for the books: nobody is there to read it. */
export function clientGone(): ApiError {
  return new ApiError(499, "client_closed_request", "the client closed the request");
}

/** What a client is told of an error. Of one that is none of ours, nothing but that there was one. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!isWhittleError(error)) return new ApiError(500, "internal_error", "the server failed to answer this request");
  const { code, message } = error;
  switch (code) {
    case "invalid_request":
    case "context_length_exceeded": {
      const param = "param" in error ? (error.param as string | undefined) : undefined;
      return invalid(param && fieldName(param), message, code);
    }
    case "chat_template":
    case "chat_template_missing":
      return invalid("messages", message, code);
    case "tokenizer":
      return invalid("prompt", message, code);
    case "argument":
      return invalid(undefined, message, "unsupported_value");
    case "no_token_allowed":
      return invalid(undefined, message, code);
    case "deadline_exceeded":
      return new ApiError(504, code, message);
    case "overloaded":
      return new ApiError(429, code, message, { headers: { "retry-after": "1" } });
    case "engine_closed":
      return new ApiError(503, "shutting_down", message, { headers: { "retry-after": "5" } });
    case "device_lost":
      return new ApiError(503, code, message, { headers: { "retry-after": "5" } });
    default:
      return new ApiError(500, code, message);
  }
}

/** The same error of another field: what the engine calls a prompt may have come as messages. */
export function renameParam(error: unknown, from: string, to: string): unknown {
  const known = toApiError(error);
  if (known.param !== from || from === to) return error;
  return new ApiError(known.status, known.code, known.message, { param: to, headers: { ...known.headers } });
}
