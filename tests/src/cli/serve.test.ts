import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { model, root, startWhittle, type Running } from "./whittle.js";

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

  test("gives an answer as long as --timeout says, unless the request says otherwise", async () => {
    const url = await serve("--timeout", "1");
    const late = await complete(url, { max_tokens: 200, ignore_eos: true });
    expect(late.status).toBe(504);
    expect(await late.json()).toMatchObject({ error: { type: "server_error", code: "deadline_exceeded" } });
    const stream = await complete(url, { max_tokens: 200, ignore_eos: true, stream: true });
    expect(await stream.text()).toMatch(/"code":"deadline_exceeded"\}\}\n\n$/);
    const own = await complete(url, { max_tokens: 3, timeout_ms: 60_000 });
    expect(await own.json()).toMatchObject({ whittle: { parameters: { timeout_ms: 60_000 } } });
    const logs = logged().filter((line) => line["path"] === "/v1/completions");
    expect(logs.map(({ status }) => status)).toEqual([504, 200, 200]);
  });

  /** Lines of the log, which is JSON where stderr is no terminal. */
  function logged(): Record<string, unknown>[] {
    const lines = running!.err().trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  test("several models by name, each with its share of the memory", async () => {
    running = startWhittle([
      "serve",
      `novelist=${model}`,
      "--model",
      "other=tests/fixtures/goldens/gpt2",
      "--port",
      "0",
      "--memory",
      "40MiB",
    ]);
    const [url] = await running.until(/http:\/\/127\.0\.0\.1:\d+/);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["novelist", "other"]);
    for (const id of ["novelist", "other"]) {
      const response = await complete(url, { model: id, prompt: [1, 2, 3], max_tokens: 2 });
      expect(await response.json()).toMatchObject({ model: id, usage: { completion_tokens: 2 } });
    }
    const said = logged().map(({ msg }) => msg);
    expect(said).toContainEqual(expect.stringMatching(/^memory 40\.0 MiB \(as asked for\)/));
    expect(said).toContainEqual(
      expect.stringMatching(/^novelist: .* of 32 requests of that length at once \(half of the .* free, shared out\)$/),
    );
    expect(said).toContainEqual(expect.stringMatching(/^other: .* room for 32 requests of that length at once$/));
  });

  test("a file of options, which flags override; keys, and a log without prompts", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "whittle-serve-"));
    const file = path.join(folder, "whittle.json");
    const models = { novelist: path.join(root, model) };
    writeFileSync(file, JSON.stringify({ models, port: 1, ctx: 64, apiKeys: ["sesame"], host: "127.0.0.1" }));
    running = startWhittle(["serve", "--config", file, "--port", "0", "--ctx", "128"]);
    const [url] = await running.until(/http:\/\/127\.0\.0\.1:\d+/);
    rmSync(folder, { recursive: true });

    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const headers = { authorization: "Bearer sesame", "content-type": "application/json", "x-request-id": "mine" };
    const { data } = (await (await fetch(`${url}/v1/models`, { headers })).json()) as { data: object[] };
    expect(data).toMatchObject([{ id: "novelist", max_model_len: 128 }]);
    const body = JSON.stringify({ model: "novelist", prompt: "A secret of mine", max_tokens: 3 });
    await (await fetch(`${url}/v1/completions`, { method: "POST", headers, body })).text();
    await running.until(/"requestId":"mine","method":"POST"/, "err");
    expect(logged()).toContainEqual(
      expect.objectContaining({ requestId: "mine", path: "/v1/completions", status: 200, completionTokens: 3 }),
    );
    expect(running.err()).not.toContain("secret");
    expect(running.err()).not.toContain("sesame");
  });

  test("says what to know when others may reach it", async () => {
    running = startWhittle(["serve", model, "--port", "0", "--host", "0.0.0.0"]);
    await running.until(/--allowed-host/, "err");
    await running.until(/--api-key/, "err");
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

  test("SIGKILL under load: answers under way are cut off, and the next server gives them whole", async () => {
    const body = { max_tokens: 400, ignore_eos: true };
    const url = await serve();
    // Settled from the start: they fail while the test still looks elsewhere.
    const others = Promise.allSettled(
      Array.from({ length: 7 }, (_, i) => complete(url, { ...body, prompt: `${i} and` })),
    );
    const response = await complete(url, { ...body, stream: true });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    running!.child.kill("SIGKILL");
    await expect(
      (async () => {
        for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
      })(),
    ).rejects.toThrow();
    expect((await running!.ended).signal).toBe("SIGKILL");
    for (const other of await others) expect(other.status).toBe("rejected");
    expect(text).not.toContain("[DONE]");
    const again = (await (await complete(await serve(), body)).json()) as { choices: { text: string }[] };
    const events = text.split("\n\n").slice(0, -1);
    const begun = events.map((event) => (JSON.parse(event.slice("data: ".length)) as typeof again).choices[0]!.text);
    expect(begun.join("")).not.toBe("");
    expect(again.choices[0]!.text.startsWith(begun.join(""))).toBe(true);
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
