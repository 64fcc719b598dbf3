/** Data of one server-sent event, with when the bytes that ended it arrived. */
export interface TimedEvent {
  readonly data: string;
  readonly timeMs: number;
}

/** Reads events from a response's body. The time is taken when a chunk arrives, before anything is made of it. */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
  now: () => number,
): AsyncGenerator<TimedEvent> {
  const decoder = new TextDecoder();
  let waiting = "";
  for await (const chunk of body) {
    const timeMs = now();
    waiting += decoder.decode(chunk, { stream: true });
    const whole = waiting.split(/\r?\n\r?\n/);
    waiting = whole.pop()!;
    for (const event of whole) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (lines.length > 0) yield { data: lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n"), timeMs };
    }
  }
}
