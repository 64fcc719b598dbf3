const encoder = new TextEncoder();

export interface EventStreamOptions {
  /** What the client is sent if the events fail; the stream ends after it. */
  readonly onFailure: (error: unknown) => unknown;
  /** The client is gone. */
  readonly onCancel: () => void;
}

/**
 * Events as server-sent events: `data: <JSON>`, a blank line, and `data: [DONE]` at the end. Nothing is made before the client takes it.
 */
export function eventStream(events: AsyncGenerator<object>, { onFailure, onCancel }: EventStreamOptions): Response {
  let cancelled = false;
  const next = async (): Promise<{ data: string; last: boolean }> => {
    try {
      const { done = false, value } = await events.next();
      return { data: done ? "[DONE]" : JSON.stringify(value), last: done };
    } catch (error) {
      return { data: JSON.stringify(onFailure(error)), last: true };
    }
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { data, last } = await next();
        if (cancelled) return;
        controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        if (last) controller.close();
      },
      async cancel() {
        cancelled = true;
        onCancel();
        // What the events hold on to is given back, too.
        await events.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // Proxies must not gather events.
      "x-accel-buffering": "no",
    },
  });
}
