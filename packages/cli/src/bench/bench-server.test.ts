import { afterEach, describe, expect, test } from "vitest";
import { benchServer, type BenchOptions } from "./bench-server.js";
import { systemClock } from "./clock.js";
import { type Behaviour, type FakeServer, fakeOpenAiServer } from "./fake-openai-server.js";
import { type LoadReport } from "./load-report.js";

const defaults = {
  chat: false,
  temperature: 0,
  ignoreEos: false,
  warmUp: 1,
  timeoutMs: 30_000,
  slo: {},
  speed: 1,
  requests: 6,
  promptTokens: { least: 10, most: 20 },
  outputTokens: { least: 4, most: 4 },
  seed: 1,
};

describe("benchServer", () => {
  let server: FakeServer;
  afterEach(() => server.close());

  async function bench(options: Partial<BenchOptions> = {}, behaviour?: (index: number) => Behaviour) {
    server = await fakeOpenAiServer(behaviour);
    const said: string[] = [];
    const report = await benchServer(
      { ...defaults, url: server.url, ...options },
      {
        clock: systemClock,
        signal: new AbortController().signal,
        say: (line) => said.push(line),
        onOutcome: () => {},
      },
    );
    return { report, said };
  }

  const kinds = ({ outcomes }: LoadReport) => outcomes.map(({ failure }) => failure?.kind ?? "answered");

  test("sees each token after the server sent it, and the server's own counts", async () => {
    const { report } = await bench({ concurrency: 1 });
    expect(report.model).toBe("fake-small");
    const measured = server.served.slice(1);
    expect(measured).toHaveLength(6);
    for (const [index, outcome] of report.outcomes.entries()) {
      const own = measured[index]!;
      expect(own.firstMs).toBeGreaterThan(outcome.sentMs);
      expect(own.firstMs).toBeLessThanOrEqual(outcome.tokenMs[0]!);
      expect(own.lastMs).toBeLessThanOrEqual(outcome.tokenMs.at(-1)!);
      expect(outcome.endMs).toBeGreaterThanOrEqual(outcome.tokenMs.at(-1)!);
      expect(outcome).toMatchObject({ outputTokens: 4, finishReason: "length", failure: undefined });
      // The first token takes the server 20 ms; a timer may be early by less than one.
      expect(outcome.tokenMs[0]! - outcome.sentMs).toBeGreaterThan(18);
    }
    expect(report.summary).toMatchObject({ requests: { sent: 6, answered: 6, failed: 0 }, outputTokens: 24 });
    expect(report.summary.ttftMs!.min).toBeGreaterThan(18);
    expect(report.summary.e2eMs!.min).toBeGreaterThan(18 + 3 * 4);
  });

  test("asks for what it was told to, with the key, and never tells the key", async () => {
    const { report } = await bench({
      rate: 200,
      chat: true,
      model: "fake-large",
      apiKey: "secret",
      ignoreEos: true,
      temperature: 0.5,
    });
    const { path, authorization, body } = server.served.at(-1)!;
    expect(path).toBe("/v1/chat/completions");
    expect(authorization).toBe("Bearer secret");
    expect(body).toMatchObject({
      model: "fake-large",
      messages: [{ role: "user" }],
      max_tokens: 4,
      temperature: 0.5,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(report.summary.requests.answered).toBe(6);
    expect(JSON.stringify(report)).not.toContain("secret");
  });

  test("the same seed sends the same prompts", async () => {
    const promptsOf = () =>
      server.served
        .slice(1)
        .map(({ body }) => body["prompt"] as string)
        .sort((a, b) => a.localeCompare(b));
    await bench({ concurrency: 3 });
    const first = promptsOf();
    await server.close();
    await bench({ rate: 500 });
    expect(promptsOf()).toEqual(first);
  });

  test("counts failures by kind, and goes on", async () => {
    const behaviours: Behaviour[] = ["answer", "answer", "refuse", "break off", "error event", "hang", "answer"];
    const { report } = await bench({ concurrency: 1, timeoutMs: 2000 }, (index) => behaviours[index]!);
    expect(kinds(report)).toEqual(["answered", "status 429", "stream", "stream", "timeout", "answered"]);
    expect(report.outcomes[1]!.failure!.message).toBe("come again later");
    expect(report.outcomes[3]!.failure!.message).toBe("the device is gone");
    expect(report.summary.requests).toEqual({ sent: 6, answered: 2, failed: 4 });
    expect(report.summary.ttftMs!.count).toBe(2);
  });

  test("leaves out what does not fit the model's context, and says so", async () => {
    const { report, said } = await bench({ promptTokens: { least: 30, most: 200 }, requests: 20 });
    const sent = report.summary.requests.sent;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(20);
    expect(said).toContain(`${20 - sent} of 20 requests are left out: longer than 100 tokens`);
  });

  test("a server that answers nothing is an error before the load", async () => {
    await expect(bench({}, () => "refuse")).rejects.toThrow("the warm-up failed: status 429: come again later");
  });

  test("a model that is not there is an error that names those that are", async () => {
    await expect(bench({ model: "other" })).rejects.toThrow("no model other; it has: fake-small, fake-large");
  });
});

test("nobody there", async () => {
  const server = await fakeOpenAiServer();
  await server.close();
  const context = { clock: systemClock, signal: new AbortController().signal, say: () => {}, onOutcome: () => {} };
  await expect(benchServer({ ...defaults, url: server.url }, context)).rejects.toThrow(
    /models: connect: .*ECONNREFUSED/,
  );
});
