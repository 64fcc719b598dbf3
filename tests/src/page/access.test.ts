import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProgram, type Running } from "../cli/whittle.js";

let server: Running;
let port: number;
beforeAll(async () => {
  server = startProgram("examples/server/dist/main.js", ["--port", "0"]);
  port = Number((await server.until(/http:\/\/\S+?:(\d+)/))[1]);
});
afterAll(async () => {
  server.child.kill("SIGKILL");
  await server.ended;
});

/** The status that a path is answered with, for a client that sends these headers. */
function status(path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", path, headers }, (response) => {
      response.destroy();
      resolve(response.statusCode!);
    });
    sent.on("error", reject).end();
  });
}

test.each(["/", "/page/config", "/page/stats", "/v1/models", "/nothing"])(
  "pages from elsewhere cannot read %s, by a name of their own for this machine or by asking across",
  async (path) => {
    expect(await status(path, { host: `evil.example:${port}` })).toBe(403);
    expect(await status(path, { host: `localhost:${port}`, origin: "https://evil.example" })).toBe(403);
    const own = await status(path, { host: `localhost:${port}`, origin: `http://localhost:${port}` });
    expect(own).toBe(path === "/nothing" ? 404 : 200);
  },
);
