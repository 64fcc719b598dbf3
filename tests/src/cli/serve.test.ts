import { afterEach, describe, expect, test } from "vitest";
import { model, startWhittle, type Running } from "./whittle.js";

describe("whittle serve", () => {
  let running: Running | undefined;
  afterEach(async () => {
    running?.child.kill("SIGKILL");
    await running?.ended;
  });

  async function serve(...options: string[]): Promise<string> {
    running = startWhittle(["serve", model, "--port", "0", ...options]);
    return (await running.until(/http:\/\/127\.0\.0\.1:\d+/))[0];
  }

  function complete(url: string, body: object): Promise<Response> {
    return fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "books-5m", prompt: "It was", temperature: 0, ...body }),
    });
  }

  test("says what it chose, the URL, and a curl line that works as it stands", async () => {
    const url = await serve("--ctx", "256", "--max-sequences", "4", "--threads", "1", "--cache-dtype", "f16");
    const [, body] = await running!.until(/curl -N http\S+ .*-d '(\{.*\})'/);
    const err = running!.err();
    expect(err).toContain("256 tokens");
    expect(err).toContain("f16");
    expect(err).toMatch(/1 thread\b/);
    const response = await complete(url, JSON.parse(body!) as object);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(await response.text()).toMatch(/\ndata: \[DONE\]\n\n$/);
  });

  test("goes by the name that --name gives it", async () => {
    const url = await serve("--name", "novelist");
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["novelist"]);
    expect((await complete(url, { model: "novelist", max_tokens: 2 })).status).toBe(200);
  });

  test("SIGTERM: what is under way is finished, then it exits with 0", async () => {
    const url = await serve();
    const response = await complete(url, { max_tokens: 400, stream: true, stream_options: { include_usage: true } });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    running!.child.kill("SIGTERM");
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toContain('"completion_tokens":400');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    expect((await running!.ended).code).toBe(0);
    await expect(fetch(`${url}/v1/models`)).rejects.toThrow("fetch failed");
  });

  test("a second signal ends it at once", async () => {
    const url = await serve();
    const responses = await Promise.all(
      [1, 2, 3, 4].map((seed) => complete(url, { max_tokens: 500, stream: true, temperature: 1, seed })),
    );
    running!.child.kill("SIGINT");
    await running!.until(/once again/, "err");
    running!.child.kill("SIGINT");
    expect((await running!.ended).signal).toBe("SIGINT");
    await Promise.allSettled(responses.map((response) => response.text()));
  });
});
