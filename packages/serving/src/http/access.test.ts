import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler, type HandlerOptions } from "./create-handler.js";

const engine = createEngine({ model: randomModel(1) });
afterAll(() => engine.close());

/** The answer to a request with these headers. */
async function ask(
  options: HandlerOptions,
  url: string,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  const handler = createHandler(engine, options);
  const response = await handler(new Request(url, { headers, ...init }));
  await handler.close();
  return response;
}
const code = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;

describe("API keys", () => {
  const options = { apiKeys: ["first-key", "second key"] };

  it.each([["Bearer first-key"], ["bearer  first-key "], ["Bearer second key"]])(
    "let in who has one: %s",
    async (authorization) => {
      expect((await ask(options, "http://localhost/v1/models", { authorization })).status).toBe(200);
    },
  );

  it.each([
    [undefined],
    [""],
    ["first-key"],
    ["Basic first-key"],
    ["Bearer "],
    ["Bearer first-ke"],
    ["Bearer first-key2"],
    ["Bearer first-key, second key"],
  ])("keep out who has none: %s", async (authorization) => {
    for (const path of ["/v1/models", "/metrics", "/nothing"]) {
      const response = await ask(
        options,
        `http://localhost${path}`,
        authorization === undefined ? {} : { authorization },
      );
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await code(response)).toBe("invalid_api_key");
    }
  });

  it("are not asked for by health checks", async () => {
    expect((await ask(options, "http://localhost/health/live")).status).toBe(200);
    expect((await ask(options, "http://localhost/health/ready")).status).toBe(200);
  });

  it("must be keys", () => {
    expect(() => createHandler(engine, { apiKeys: ["a", " "] })).toThrow("an API key is empty");
  });
});

describe("the server's name", () => {
  it.each([["localhost"], ["127.0.0.1:8000"], ["192.168.0.7"], ["[::1]:8000"], ["LOCALHOST"]])(
    "may be %s",
    async (host) => {
      expect((await ask({}, `http://${host}/health/live`)).status).toBe(200);
    },
  );

  it.each([["evil.example"], ["localhost.evil.example"], ["127.0.0.1.evil.example"], ["models.internal"]])(
    "may not be %s unless that is said",
    async (host) => {
      const refused = await ask({}, `http://${host}/health/live`);
      expect(refused.status).toBe(403);
      expect(await code(refused)).toBe("host_not_allowed");
      expect((await ask({ allowedHosts: [host.toUpperCase()] }, `http://${host}/health/live`)).status).toBe(200);
      expect((await ask({ allowedHosts: ["*"] }, `http://${host}:81/health/live`)).status).toBe(200);
    },
  );
});

describe("pages", () => {
  const url = "http://localhost:8000/v1/models";

  it("of the server itself may ask, and so may clients that are no page", async () => {
    for (const headers of [{}, { origin: "http://localhost:8000" }, { origin: "https://localhost:8000" }]) {
      const response = await ask({}, url, headers);
      expect(response.status).toBe(200);
      expect(response.headers.has("access-control-allow-origin")).toBe(false);
    }
  });

  it.each([["https://evil.example"], ["http://localhost:3000"], ["null"], ["http://127.0.0.1:8000"], ["garbage"]])(
    "of %s may not",
    async (origin) => {
      for (const init of [{}, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } }]) {
        const response = await ask({}, url, { origin }, init);
        expect(response.status).toBe(403);
        expect(await code(response)).toBe("origin_not_allowed");
        expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    },
  );

  it("of allowed origins may, and their browsers are told so", async () => {
    const options = { allowedOrigins: ["https://app.example/"], apiKeys: ["key"] };
    const origin = "https://app.example";
    const preflight = await ask(
      options,
      url,
      {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
      },
      { method: "OPTIONS" },
    );
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization, content-type",
      "access-control-allow-methods": expect.stringContaining("POST"),
      vary: "origin",
    });
    const refused = await ask(options, url, { origin });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe(origin);
    expect((await ask(options, url, { origin, authorization: "Bearer key" })).status).toBe(200);
    expect((await ask(options, url, { origin: "https://other.example" })).status).toBe(403);
    expect((await ask({ allowedOrigins: ["*"] }, url, { origin: "https://other.example" })).status).toBe(200);
  });

  it("have origins, which options must be", () => {
    expect(() => createHandler(engine, { allowedOrigins: ["app.example"] })).toThrow('"app.example" is no origin');
  });
});
