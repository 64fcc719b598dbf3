import { expect, it } from "vitest";
import { withAccess } from "./with-access.js";

const page = withAccess(async () => new Response("the page"), {
  allowedHosts: ["box.lan"],
  allowedOrigins: ["https://friend.example"],
});
const ask = (url: string, headers: Record<string, string> = {}, method = "GET") =>
  page(new Request(url, { method, headers }));

it("lets a handler answer whom the API would answer", async () => {
  for (const url of ["http://localhost/page", "http://127.0.0.1:8000/page", "http://box.lan/page"])
    expect(await (await ask(url)).text()).toBe("the page");
});

it("refuses foreign hosts and pages, and answers preflights, without asking the handler", async () => {
  const foreign = await ask("http://evil.example/page");
  expect([foreign.status, await foreign.json()]).toMatchObject([403, { error: { code: "host_not_allowed" } }]);
  const origin = await ask("http://localhost/page", { origin: "https://evil.example" });
  expect([origin.status, await origin.json()]).toMatchObject([403, { error: { code: "origin_not_allowed" } }]);
  expect(origin.headers.get("access-control-allow-origin")).toBeNull();
  const friend = { origin: "https://friend.example", "access-control-request-method": "POST" };
  const preflight = await ask("http://localhost/page", friend, "OPTIONS");
  expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, friend.origin]);
  const answered = await ask("http://localhost/page", { origin: friend.origin });
  expect([await answered.text(), answered.headers.get("access-control-allow-origin")]).toEqual([
    "the page",
    friend.origin,
  ]);
});

it("asks for a key", async () => {
  const closed = withAccess(async () => new Response("secret"), { apiKeys: ["k"] });
  expect((await closed(new Request("http://localhost/"))).status).toBe(401);
  const request = new Request("http://localhost/", { headers: { authorization: "Bearer k" } });
  expect(await (await closed(request)).text()).toBe("secret");
});

it("leaves what the handler throws to whoever serves it", async () => {
  const broken = withAccess(async () => {
    throw new Error("broken");
  });
  await expect(broken(new Request("http://localhost/"))).rejects.toThrow("broken");
});
