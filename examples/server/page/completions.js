/**
 * Streams a completion from this server: yields each piece of text with the number of pieces' tokens known so far.
 *
 * Throws an `Error` with the server's own message when the request is refused or fails on the way.
 */
export async function* streamCompletion(request, signal) {
  const response = await fetch("/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok) throw new Error(await messageOf(response));
  for await (const event of events(response.body)) {
    if (event === "[DONE]") return;
    const { choices, usage, error } = JSON.parse(event);
    if (error) throw new Error(error.message);
    yield { text: choices[0]?.text ?? "", tokens: usage?.completion_tokens };
  }
}

/** The models that this server offers, by name. */
export async function listModels() {
  const response = await fetch("/v1/models");
  if (!response.ok) throw new Error(await messageOf(response));
  return (await response.json()).data.map((model) => model.id);
}

/** The data of each server-sent event. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const whole = waiting.split(/\r?\n\r?\n/);
    waiting = whole.pop();
    for (const event of whole) {
      for (const line of event.split(/\r?\n/)) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  }
}

async function messageOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server answered ${response.status}`;
  }
}
