import { ApiError, clientGone, invalid } from "./api-error.js";
import { type JsonFault, scanJson } from "./scan-json.js";

const DEEPEST = 64;

/**
 * The object in a request's body. @throws ApiError: 415 if it is not sent as JSON, 413 if it is longer than the limit (no more than that is ever read), 400 if it is
 * no UTF-8, no JSON or no object.
 */
export async function readJson(request: Request, limitBytes: number): Promise<Record<string, unknown>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(
      415,
      "unsupported_media_type",
      `the body must be sent as application/json, but its content-type is ${type === "" ? "missing" : `"${type}"`}`,
    );
  }
  const bytes = await readBytes(request, limitBytes);
  const fault = await scanJson(bytes, DEEPEST);
  if (fault) throw faulty(fault);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "it is no JSON" : "it is no valid UTF-8";
    throw invalid(undefined, `the body cannot be read: ${reason}`, "invalid_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(
      undefined,
      `the body must be a JSON object, but is ${value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`}`,
      "invalid_json",
    );
  }
  return value as Record<string, unknown>;
}

function faulty({ kind, path }: JsonFault): ApiError {
  const reasons: Readonly<Record<JsonFault["kind"], string>> = {
    depth: `it nests more than ${DEEPEST} levels deep`,
    duplicate: `"${path}" stands there twice`,
    prototype: `"${path}" is no name for a field`,
    value: `the value of "${path}" is none that JSON knows`,
  };
  const param = kind === "depth" || path === "" ? undefined : path;
  return invalid(param, `the body cannot be read: ${reasons[kind]}`, "invalid_json");
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new ApiError(413, "request_too_large", `the body may have at most ${limit} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      length += part.byteLength;
      if (length > limit) break;
      parts.push(part);
    }
  } catch {
    throw clientGone();
  }
  if (length > limit) throw tooLarge();
  return Buffer.concat(parts, length);
}
