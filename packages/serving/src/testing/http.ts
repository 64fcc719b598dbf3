import { type Handler } from "../http/create-handler.js";

export function post(path: string, body: unknown, init: RequestInit = {}): Request {
  return new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...init,
  } as RequestInit);
}

export async function postJson(handler: Handler, path: string, body: unknown): Promise<{ status: number; json: any }> {
  const response = await handler(post(path, body));
  return { status: response.status, json: await response.json() };
}

/** The events of a stream, as OpenAI's clients divide it: exactly `data: …` and a blank line each. */
export async function readEvents(response: Response): Promise<string[]> {
  const text = await response.text();
  if (!text.endsWith("\n\n"))
    throw new Error(`the stream does not end with a blank line: ${JSON.stringify(text.slice(-40))}`);
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((event) => {
      if (!/^data: [^\n]+$/.test(event)) throw new Error(`no event: ${JSON.stringify(event)}`);
      return event.slice("data: ".length);
    });
}

/** The parsed chunks of a whole stream, whose last event must be `[DONE]`. */
export async function readChunks(response: Response): Promise<any[]> {
  const events = await readEvents(response);
  if (events.at(-1) !== "[DONE]") throw new Error(`the stream ends with ${events.at(-1)}`);
  return events.slice(0, -1).map((event) => JSON.parse(event));
}
