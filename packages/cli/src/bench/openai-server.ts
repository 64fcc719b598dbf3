import { WhittleError } from "@whittle/core";
import { z } from "zod";
import { type Clock } from "./clock.js";
import { type Outcome } from "./outcome.js";
import { serverSentEvents } from "./server-sent-events.js";

export interface ServerOptions {
  /** With or without `/v1`. */
  readonly url: string;
  readonly apiKey?: string;
  readonly clock: Clock;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

export interface StreamRequest {
  /** Below `/v1`: `completions` or `chat/completions`. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly intendedMs: number;
  readonly signal: AbortSignal;
}

const chunk = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        delta: z.object({ content: z.string().nullish(), reasoning_content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
  error: z.object({ message: z.string() }).nullish(),
});

const modelList = z.object({ data: z.array(z.object({ id: z.string(), max_model_len: z.number().nullish() })) });

export type ModelEntry = z.output<typeof modelList>["data"][number];

/** Any server that speaks OpenAI's API. */
export class OpenAiServer {
  private readonly base: string;

  constructor(private readonly options: ServerOptions) {
    this.base = options.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  }

  /** @throws WhittleError saying what is wrong with the server or the key. */
  async models(): Promise<ModelEntry[]> {
    const url = `${this.base}/v1/models`;
    try {
      const response = await fetch(url, {
        headers: this.headers(),
        signal: AbortSignal.timeout(this.options.timeoutMs),
      });
      if (!response.ok) throw new Failed(`status ${response.status}`, await messageOf(response));
      return modelList.parse(await response.json()).data;
    } catch (error) {
      const { kind, message } = failureOf(error, "connect");
      throw new WhittleError("bench_server", `${url}: ${kind}: ${message}`, { cause: error });
    }
  }

  /** Streams one answer and notes when its parts arrive. What goes wrong is in the outcome. */
  async stream({ path, body, intendedMs, signal }: StreamRequest): Promise<Outcome> {
    const { clock, timeoutMs } = this.options;
    const sentMs = clock.now();
    const answer = new Answer();
    const timeout = AbortSignal.timeout(timeoutMs);
    let stage = "connect";
    let failure: Outcome["failure"];
    try {
      const response = await fetch(`${this.base}/v1/${path}`, {
        method: "POST",
        headers: { ...this.headers(), "content-type": "application/json" },
        body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
        signal: AbortSignal.any([signal, timeout]),
      });
      stage = "stream";
      if (!response.ok || !response.body) throw new Failed(`status ${response.status}`, await messageOf(response));
      for await (const { data, timeMs } of serverSentEvents(response.body, clock.now)) answer.add(data, timeMs);
      if (!answer.done) throw new Failed("stream", "the stream ended before the answer did");
    } catch (error) {
      failure = failureOf(error, stage, signal.aborted);
    }
    const { tokenMs, promptTokens, outputTokens = tokenMs.length, finishReason } = answer;
    return { intendedMs, sentMs, tokenMs, endMs: clock.now(), promptTokens, outputTokens, finishReason, failure };
  }

  private headers(): Record<string, string> {
    return this.options.apiKey === undefined ? {} : { authorization: `Bearer ${this.options.apiKey}` };
  }
}

/** An answer as its chunks come. */
class Answer {
  readonly tokenMs: number[] = [];
  promptTokens: number | undefined;
  outputTokens: number | undefined;
  finishReason: string | undefined;
  done = false;

  add(data: string, timeMs: number): void {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    const { choices, usage, error } = chunk.parse(JSON.parse(data));
    if (error) throw new Failed("stream", error.message);
    const [choice] = choices;
    if (choice?.text || choice?.delta?.content || choice?.delta?.reasoning_content) this.tokenMs.push(timeMs);
    if (choice?.finish_reason) this.finishReason = choice.finish_reason;
    if (!usage) return;
    this.promptTokens = usage.prompt_tokens;
    this.outputTokens = usage.completion_tokens;
  }
}

class Failed extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

/** `stage` is what was under way. */
function failureOf(error: unknown, stage: string, aborted = false): { kind: string; message: string } {
  if (error instanceof Failed) return { kind: error.kind, message: error.message };
  if (aborted) return { kind: "aborted", message: "the load was stopped" };
  const { name, message, cause } = error as Error & { cause?: Error };
  if (name === "TimeoutError") return { kind: "timeout", message };
  if (error instanceof z.ZodError) return { kind: "stream", message: `not OpenAI's format: ${z.prettifyError(error)}` };
  if (error instanceof SyntaxError) return { kind: "stream", message: `not OpenAI's format: ${message}` };
  // `fetch` says only that it failed; why is in the cause.
  return { kind: stage, message: cause?.message || message };
}

/** The server's own words, if it says them as OpenAI does. */
async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return z.object({ error: z.object({ message: z.string() }) }).parse(JSON.parse(text)).error.message;
  } catch {
    return text.slice(0, 200);
  }
}
