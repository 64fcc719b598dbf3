/** Posts one long request and reads its stream to the end; gives the tokens it got. */
export async function longRequest(
  url: string,
  body: { model: string; prompt: string; max_tokens: number; seed: number },
): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const events = (await response.text()).trimEnd().split("\n\n");
  if (events.at(-1) !== "data: [DONE]") throw new Error(`the stream ends with ${events.at(-1)}`);
  const { usage } = JSON.parse(events.at(-2)!.slice("data: ".length)) as { usage: { completion_tokens: number } };
  return usage.completion_tokens;
}

/** Posts prompts of a megabyte, one after the other, until the signal aborts; gives how many. They are longer than any context, so each must be answered 400. */
export async function postMegabytes(url: string, model: string, signal: AbortSignal): Promise<number> {
  let posted = 0;
  while (!signal.aborted) {
    const prompt = `${posted++} `.padEnd(1e6, "na ");
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt, max_tokens: 1 }),
    });
    const text = await response.text();
    if (response.status !== 400 || !text.includes("context_length_exceeded"))
      throw new Error(`a megabyte was answered ${response.status}: ${text.slice(0, 200)}`);
  }
  return posted;
}

/** Asks `/health/live` every `everyMs` until the signal aborts; gives each answer's time in ms. */
export async function askHealth(url: string, everyMs: number, signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  while (!signal.aborted) {
    const start = performance.now();
    const response = await fetch(`${url}/health/live`);
    await response.text();
    if (response.status !== 200) throw new Error(`/health/live answered ${response.status}`);
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return times;
}
