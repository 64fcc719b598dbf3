import { type Logger } from "@whittle/core";
import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const engine = createEngine({ model: randomModel(1) });
const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
const say =
  (level: string) =>
  (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void lines.push({ level, message, fields });
const logger: Logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
const handler = createHandler(engine, { logger });
afterAll(() => engine.close());

const body = { model: "toy", prompt: "a secret", max_tokens: 3 };

describe("a request's id", () => {
  it("is the client's, if it may stand in a header", async () => {
    const response = await handler(
      post("/v1/completions", body, { headers: { "content-type": "application/json", "x-request-id": "abc-1" } }),
    );
    expect(response.headers.get("x-request-id")).toBe("abc-1");
    for (const headers of [{}, { "x-request-id": "x".repeat(129) }, { "x-request-id": "a b" }])
      expect(
        (await handler(new Request("http://localhost/health/live", { headers }))).headers.get("x-request-id"),
      ).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is sent with errors too", async () => {
    for (const url of ["http://localhost/nothing", "http://evil.example/"])
      expect((await handler(new Request(url))).headers.has("x-request-id")).toBe(true);
  });
});

describe("a request's line in the log", () => {
  it("says what it was and what it took, never what was asked or answered", async () => {
    lines.length = 0;
    const response = await handler(post("/v1/completions", body));
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    expect(lines).toEqual([
      {
        level: "info",
        message: "request",
        fields: {
          requestId: response.headers.get("x-request-id"),
          method: "POST",
          path: "/v1/completions",
          status: 200,
          durationMs: expect.any(Number),
          model: "toy",
          choices: 1,
          promptTokens: 8,
          completionTokens: 3,
          finishReason: "length",
        },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain("secret");
    expect(JSON.stringify(lines)).not.toContain(JSON.stringify(choices[0]!.text).slice(1, -1) || "\u0000");
  });

  it("of a stream comes when the stream is over, also if the client leaves", async () => {
    lines.length = 0;
    const whole = await handler(post("/v1/completions", { ...body, stream: true }));
    expect(lines).toEqual([]);
    await whole.text();
    expect(lines[0]!.fields).toMatchObject({ status: 200, completionTokens: 3 });
    const left = await handler(post("/v1/completions", { ...body, max_tokens: 100, stream: true }));
    await left.body!.cancel();
    expect(lines).toHaveLength(2);
  });

  it("says which error it was", async () => {
    lines.length = 0;
    await handler(post("/v1/completions", { ...body, top_p: 5 }));
    expect(lines[0]!.fields).toMatchObject({ status: 400, error: "invalid_value" });
  });
});
