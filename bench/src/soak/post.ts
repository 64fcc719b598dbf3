import { type Agent, type IncomingMessage, request } from "node:http";

/** A body that is posted, and what its client may do to the answer. */
export interface Post {
  readonly url: string;
  readonly body: object;
  readonly agent: Agent;
  /** Cancels it: the request fails with an AbortError. */
  readonly signal?: AbortSignal;
}

/** Resolves with the answer's head. A client that leaves destroys it, or resets its socket. */
export function post({ url, body, agent, signal }: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json" },
      ...(signal && { signal }),
    });
    sent.once("response", resolve).once("error", reject).end(JSON.stringify(body));
  });
}

/** The whole body. */
export async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of answer.setEncoding("utf8")) text += part as string;
  return text;
}

interface CompletionBody {
  readonly choices: readonly {
    readonly text: string;
    readonly logprobs: { readonly token_logprobs: readonly (number | null)[] } | null;
  }[];
}

/** The text of a completion in one piece, and the log-probabilities of its tokens where it has some. */
export function completionText(body: string): string {
  return joined([JSON.parse(body) as CompletionBody]);
}

/** The same of a completion's stream. @throws Error if the stream ended early or with an error */
export function streamText(events: string): string {
  const data = events
    .trimEnd()
    .split("\n\n")
    .map((event) => event.slice("data: ".length));
  if (data.pop() !== "[DONE]") throw new Error(`the stream ends with ${events.slice(-200)}`);
  return joined(data.map((event) => JSON.parse(event) as CompletionBody));
}

function joined(parts: readonly CompletionBody[]): string {
  const choices = parts.flatMap((part) => part.choices[0] ?? []);
  const logprobs = choices.flatMap((choice) => choice.logprobs?.token_logprobs ?? []);
  return choices.map((choice) => choice.text).join("") + (logprobs.length > 0 ? `\n${logprobs.join(" ")}` : "");
}
