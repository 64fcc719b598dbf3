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
