import { serverSentEvents } from "./server-sent-events.js";

export interface PageConfig {
  readonly model: string;
  readonly contextLength: number;
  /** `plain`: roles make no difference to the model's template; `none`: it has no template. */
  readonly chat: "none" | "plain" | "full";
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A request's fields, as the API names them. */
export type RequestBody = Readonly<Record<string, unknown>>;

/** A part of an answer. `tokens` is the server's count, at the end. */
export interface Part {
  readonly text: string;
  readonly tokens: number | undefined;
}

export type Endpoint = "/v1/completions" | "/v1/chat/completions";

export async function fetchConfig(): Promise<PageConfig> {
  const response = await fetch("/page/config");
  if (!response.ok) throw new Error(await messageOf(response));
  return (await response.json()) as PageConfig;
}

/**
 * Streams an answer of this server.
 *
 * Throws an `Error` with the server's own words when the request is refused or fails on the way.
 */
export async function* streamAnswer(endpoint: Endpoint, body: RequestBody, signal: AbortSignal): AsyncGenerator<Part> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(await messageOf(response));
  for await (const event of serverSentEvents(response.body)) {
    if (event === "[DONE]") return;
    const { choices, usage, error } = JSON.parse(event) as Chunk;
    if (error) throw new Error(error.message);
    yield { text: choices[0]?.text ?? choices[0]?.delta?.content ?? "", tokens: usage?.completion_tokens };
  }
}

interface Chunk {
  readonly choices: readonly { readonly text?: string; readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly error?: { readonly message: string };
}

async function messageOf(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { error: { message: string } }).error.message;
  } catch {
    return `the server answered ${response.status}`;
  }
}
