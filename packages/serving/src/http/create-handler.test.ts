import { DeviceError, DeviceLost } from "@whittle/core";
import { describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post, postJson, readEvents } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler, type Handler } from "./create-handler.js";

const get = (path: string, init: RequestInit = {}) => new Request(`http://localhost${path}`, init);
const hi = { model: "toy", prompt: "Hi", temperature: 0 };

async function withHandler<T>(
  use: (handler: Handler, engine: ReturnType<typeof createEngine>) => Promise<T>,
): Promise<T> {
  const engine = createEngine({ model: randomModel(1) });
  try {
    return await use(createHandler(engine), engine);
  } finally {
    await engine.close({ abort: true });
  }
}

/** An engine whose every step fails from the given one on. */
function failing(error: Error, from: number) {
  let steps = 0;
  return createEngine({
    model: randomModel(1, {
      through: (x) => {
        if (++steps >= from) throw error;
        return x;
      },
    }),
  });
}

describe("models", () => {
  it("are listed and found by name and alias", async () => {
    const engines = [
      createEngine({ model: randomModel(1, { name: "org/one" }) }),
      createEngine({ model: randomModel(1, { name: "two", maxPositions: 50 }) }),
    ];
    const handler = createHandler(engines, { aliases: { default: "two" } });
    const model = (id: string, length: number) => ({
      id,
      object: "model",
      created: expect.any(Number),
      owned_by: "whittle",
      max_model_len: length,
    });
    const list = await handler(get("/v1/models"));
    expect(await list.json()).toEqual({
      object: "list",
      data: [model("org/one", 128), model("two", 50), model("default", 50)],
    });
    for (const path of ["/v1/models/org/one", "/v1/models/org%2Fone"])
      expect(await (await handler(get(path))).json()).toEqual(model("org/one", 128));
    const missing = await handler(get("/v1/models/three"));
    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({
      error: {
        message: 'there is no model "three"; there is "org/one", "two", "default"',
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
    await Promise.all(engines.map((engine) => engine.close()));
  });

  it("have names of their own", () => {
    const engine = createEngine({ model: randomModel(1) });
    expect(() => createHandler([engine, engine])).toThrow('two models are named "toy"');
    expect(() => createHandler(engine, { aliases: { toy: "toy" } })).toThrow('two models are named "toy"');
    expect(() => createHandler(engine, { aliases: { a: "nobody" } })).toThrow(
      'the alias "a" is for "nobody", but the models are "toy"',
    );
  });
});

describe("errors", () => {
  it.each<[string, Request, number, string]>([
    ["an unknown route", get("/v1/nothing"), 404, "not_found"],
    ["a path out of the tree", get("/v1/models/../../etc/passwd"), 404, "not_found"],
    ["another method", get("/v1/completions"), 405, "method_not_allowed"],
    ["another method on a list", post("/v1/models", {}), 405, "method_not_allowed"],
    ["an unknown model", post("/v1/completions", { ...hi, model: "gpt-7" }), 404, "model_not_found"],
    [
      "no content type",
      get("/v1/completions", { method: "POST", body: new Uint8Array([123, 125]) }),
      415,
      "unsupported_media_type",
    ],
    [
      "a form",
      post("/v1/completions", "a=b", { headers: { "content-type": "application/x-www-form-urlencoded" } }),
      415,
      "unsupported_media_type",
    ],
    [
      "no body",
      get("/v1/completions", { method: "POST", headers: { "content-type": "application/json" } }),
      400,
      "invalid_json",
    ],
    ["no JSON", post("/v1/completions", "{"), 400, "invalid_json"],
    ["an array", post("/v1/completions", []), 400, "invalid_json"],
    ["null", post("/v1/completions", "null"), 400, "invalid_json"],
    ["no UTF-8", post("/v1/completions", new Uint8Array([0x7b, 0xff, 0x7d])), 400, "invalid_json"],
    ["a million brackets", post("/v1/completions", "[".repeat(1e6)), 400, "invalid_json"],
    ["too much", post("/v1/completions", JSON.stringify({ prompt: "x".repeat(2 ** 20) })), 413, "request_too_large"],
    ["too long a prompt", post("/v1/completions", { ...hi, prompt: "x".repeat(128) }), 400, "context_length_exceeded"],
  ])("%s", async (_name, request, status, code) => {
    await withHandler(async (handler) => {
      const response = await handler(request);
      expect(response.status).toBe(status);
      const { error } = (await response.json()) as any;
      expect(error).toEqual({ message: expect.any(String), type: "invalid_request_error", param: error.param, code });
      if (status === 405) expect(response.headers.get("allow")).toBeTruthy();
    });
  });

  it("never read more of a body than the limit", async () => {
    await withHandler(async (_, engine) => {
      const handler = createHandler(engine, { bodyLimitBytes: 1000 });
      let sent = 0;
      const body = new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(100).fill(0x20));
          sent += 100;
        },
      });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
      expect((await handler(new Request("http://localhost/v1/completions", init as RequestInit))).status).toBe(413);
      expect(sent).toBeLessThan(2000);
    });
  });

  it("of a client that leaves in the middle of its body are nobody's", async () => {
    const heard: unknown[] = [];
    await withHandler(async (_, engine) => {
      const handler = createHandler(engine, { onError: (error) => heard.push(error) });
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error("aborted")) });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
      expect((await handler(new Request("http://localhost/v1/completions", init as RequestInit))).status).toBe(499);
    });
    expect(heard).toEqual([]);
  });

  it("of the device are the server's: 500, and the server hears of it", async () => {
    const engine = failing(new DeviceError("linear", "out of order"), 1);
    const heard: unknown[] = [];
    const handler = createHandler(engine, { onError: (error) => heard.push(error) });
    const { status, json } = await postJson(handler, "/v1/completions", hi);
    expect(status).toBe(500);
    expect(json.error).toEqual({ message: "linear: out of order", type: "server_error", param: null, code: "device" });
    expect(heard).toEqual([expect.objectContaining({ code: "device" })]);
    await engine.close();
  });

  it("that nobody foresaw say nothing of the inside", async () => {
    const engine = failing(new TypeError("cannot read the secret"), 1);
    const heard: unknown[] = [];
    const { status, json } = await postJson(
      createHandler(engine, { onError: (error) => heard.push(error) }),
      "/v1/completions",
      hi,
    );
    expect({ status, ...json.error }).toMatchObject({ status: 500, code: "internal_error", type: "server_error" });
    expect(JSON.stringify(json)).not.toContain("secret");
    expect(heard).toEqual([expect.any(TypeError)]);
    await engine.close();
  });

  it("after a stream began are its last event", async () => {
    const engine = failing(new DeviceError("linear", "out of order"), 6);
    const heard: unknown[] = [];
    const response = await createHandler(engine, { onError: (error) => heard.push(error) })(
      post("/v1/completions", { ...hi, stream: true }),
    );
    expect(response.status).toBe(200);
    const events = await readEvents(response);
    expect(events.length).toBeGreaterThan(1);
    expect(JSON.parse(events.at(-1)!)).toEqual({
      error: { message: "linear: out of order", type: "server_error", param: null, code: "device" },
    });
    expect(events).not.toContain("[DONE]");
    expect(heard).toHaveLength(1);
    await engine.close();
  });

  it("of overload ask to come again", async () => {
    const engine = createEngine({ model: randomModel(1), limits: { maxSequences: 1, maxWaiting: 0 } });
    const handler = createHandler(engine);
    const first = postJson(handler, "/v1/completions", hi);
    await new Promise(setImmediate);
    const second = await handler(post("/v1/completions", hi));
    expect(second.status).toBe(429);
    expect(second.headers.get("retry-after")).toBe("1");
    expect(await second.json()).toMatchObject({ error: { type: "rate_limit_error", code: "overloaded" } });
    expect((await first).status).toBe(200);
    await engine.close();
  });
});

describe("time limits", () => {
  /** Each step takes longer than 1 ms, however quick the machine. */
  const slow = () =>
    createEngine({
      model: randomModel(1, {
        through: (x) => {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
          return x;
        },
      }),
    });
  const late = {
    error: {
      message: expect.stringContaining("limit of 1 ms is over"),
      type: "server_error",
      param: null,
      code: "deadline_exceeded",
    },
  };
  const chat = { model: "toy", messages: [{ role: "user", content: "Hi" }], temperature: 0 };

  it.each([
    ["/v1/completions", hi],
    ["/v1/chat/completions", chat],
  ])("of %s end an answer with 504, and a stream with that error", async (path, fields) => {
    const engine = slow();
    const heard: unknown[] = [];
    const handler = createHandler(engine, { onError: (error) => heard.push(error) });
    const body = { ...fields, timeout_ms: 1, n: 2 };
    expect(await postJson(handler, path, body)).toEqual({ status: 504, json: late });
    const events = await readEvents(await handler(post(path, { ...body, stream: true })));
    expect(JSON.parse(events.at(-1)!)).toEqual(late);
    const { running, waiting, blocks } = engine.stats();
    expect({ running, waiting, free: blocks.free }).toEqual({ running: 0, waiting: 0, free: blocks.total });
    // It is what was asked for, and no fault.
    expect(heard).toEqual([]);
    await engine.close();
  });

  it("begin when the request does, not when it has been read", async () => {
    await withHandler(async (handler) => {
      const ask = async (timeout_ms: number): Promise<Response> => {
        const bytes = new TextEncoder().encode(JSON.stringify({ ...hi, max_tokens: 1, timeout_ms }));
        const body = new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(bytes.subarray(0, 9));
            await new Promise((resolve) => setTimeout(resolve, 60));
            controller.enqueue(bytes.subarray(9));
            controller.close();
          },
        });
        return handler(post("/v1/completions", "", { body, duplex: "half" } as RequestInit));
      };
      expect((await ask(1e9)).status).toBe(200);
      const { status } = await ask(50);
      expect(status).toBe(504);
    });
  });

  it("are the handler's for requests that bring none", async () => {
    const engine = slow();
    const handler = createHandler(engine, { timeoutMs: 1 });
    expect(await postJson(handler, "/v1/completions", hi)).toEqual({ status: 504, json: late });
    const own = await postJson(handler, "/v1/completions", { ...hi, max_tokens: 2, timeout_ms: 1e9 });
    expect(own).toMatchObject({ status: 200, json: { whittle: { parameters: { timeout_ms: 1e9 } } } });
    for (const timeoutMs of [0, -1, 1.5, Number.NaN, Infinity])
      expect(() => createHandler(engine, { timeoutMs })).toThrow("timeoutMs must be a whole number above 0");
    await engine.close();
  });

  it.each([0, -1, 1.5, "5", 1e308, []])("that are none, such as %j, are refused", async (timeout_ms) => {
    await withHandler(async (handler) => {
      expect(await postJson(handler, "/v1/completions", { ...hi, timeout_ms })).toMatchObject({
        status: 400,
        json: { error: { param: "timeout_ms", code: "invalid_value" } },
      });
    });
  });
});

describe("health", () => {
  it("is live as long as it answers, and ready as long as it takes requests", async () => {
    await withHandler(async (handler, engine) => {
      expect(
        await Promise.all(["live", "ready"].map(async (kind) => (await handler(get(`/health/${kind}`))).status)),
      ).toEqual([200, 200]);
      const running = postJson(handler, "/v1/completions", hi);
      await new Promise(setImmediate);
      const closed = engine.close();
      expect(
        await Promise.all(["live", "ready"].map(async (kind) => (await handler(get(`/health/${kind}`))).status)),
      ).toEqual([200, 503]);
      expect(await postJson(handler, "/v1/completions", hi)).toMatchObject({
        status: 503,
        json: { error: { code: "shutting_down", type: "server_error" } },
      });
      expect((await running).status).toBe(200);
      await closed;
    });
  });

  it("is not ready without its device", async () => {
    const engine = failing(new DeviceLost("unplugged"), 1);
    const handler = createHandler(engine);
    expect(await postJson(handler, "/v1/completions", hi)).toMatchObject({
      status: 503,
      json: { error: { code: "device_lost" } },
    });
    expect((await handler(get("/health/ready"))).status).toBe(503);
    expect((await handler(get("/health/live"))).status).toBe(200);
    await engine.close();
  });
});

describe("a client that leaves", () => {
  async function stepsUntilIdle(engine: ReturnType<typeof createEngine>): Promise<number> {
    const { steps } = engine.stats();
    while (engine.stats().running > 0) await new Promise(setImmediate);
    return engine.stats().steps - steps;
  }

  it("ends its stream within one step, whether it cancels the body or aborts the request", async () => {
    await withHandler(async (handler, engine) => {
      const cancelled = await handler(post("/v1/completions", { ...hi, stream: true }));
      const reader = cancelled.body!.getReader();
      await reader.read();
      await reader.cancel();
      expect(await stepsUntilIdle(engine)).toBeLessThanOrEqual(1);

      const controller = new AbortController();
      const aborted = await handler(post("/v1/completions", { ...hi, stream: true }, { signal: controller.signal }));
      await aborted.body!.getReader().read();
      controller.abort();
      expect(await stepsUntilIdle(engine)).toBeLessThanOrEqual(1);
      expect(engine.stats().generatedTokens).toBeLessThan(100);
      expect(engine.stats().blocks.free).toBe(engine.stats().blocks.total);
    });
  });

  it("ends its whole answer within one step", async () => {
    await withHandler(async (handler, engine) => {
      const controller = new AbortController();
      const answer = handler(post("/v1/completions", hi, { signal: controller.signal }));
      while (engine.stats().generatedTokens < 3) await new Promise(setImmediate);
      controller.abort();
      expect(await stepsUntilIdle(engine)).toBeLessThanOrEqual(1);
      expect((await answer).status).toBe(499);
    });
  });

  it("or is slow makes the server hold one piece for it, not many", async () => {
    await withHandler(async (handler, engine) => {
      const response = await handler(post("/v1/completions", { ...hi, stream: true }));
      while (engine.stats().finishedRequests === 0) await new Promise(setImmediate);
      const events = await readEvents(response);
      expect(events.length).toBeLessThanOrEqual(3);
    });
  });
});
