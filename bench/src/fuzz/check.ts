import { type Handler } from "@whittle/serving";
import { type FuzzedRequest } from "./requests.js";

/** Sends one; throws if what comes back is neither an answer nor a clear error of the client's. */
export async function check(handler: Handler, { path, body }: FuzzedRequest): Promise<number> {
  const response = await handler(
    body === undefined
      ? new Request(`http://localhost${path}`)
      : new Request(`http://localhost${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: body as string,
        }),
  );
  const said = await response.text();
  const { status } = response;
  if (status === 200) {
    if (response.headers.get("content-type")!.startsWith("text/event-stream")) {
      if (!said.endsWith("data: [DONE]\n\n") && !ranOutOfTime(said))
        throw new Error(`a stream does not end well: ${said.slice(-300)}`);
    } else {
      const answer = JSON.parse(said) as { id?: unknown };
      if (body === undefined && answer.id !== "books-5m") throw new Error(`no model: ${said.slice(0, 300)}`);
    }
    return status;
  }
  if (![400, 404, 504].includes(status)) throw new Error(`status ${status}: ${said.slice(0, 300)}`);
  const { error } = JSON.parse(said) as { error: Record<string, unknown> };
  const clear =
    typeof error["message"] === "string" &&
    typeof error["code"] === "string" &&
    error["type"] === (status === 504 ? "server_error" : "invalid_request_error") &&
    (error["code"] === "deadline_exceeded") === (status === 504);
  if (!clear || error["message"] === "") throw new Error(`no clear error: ${said.slice(0, 300)}`);
  return status;
}

/** Whether the last event of a stream says so, as `timeout_ms` asks for. */
function ranOutOfTime(events: string): boolean {
  const last = events.slice(events.lastIndexOf("data: ") + "data: ".length);
  return (JSON.parse(last) as { error?: { code?: unknown } }).error?.code === "deadline_exceeded";
}
