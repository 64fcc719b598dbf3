/** The data of each server-sent event of a response's body. */
export async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const whole = waiting.split(/\r?\n\r?\n/);
    waiting = whole.pop()!;
    for (const event of whole)
      for (const line of event.split(/\r?\n/)) if (line.startsWith("data:")) yield line.slice(5).trim();
  }
}
