import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeServer, fakeOpenAiServer } from "../bench/fake-openai-server.js";
import { type LoadReport } from "../bench/load-report.js";
import { main } from "../main.js";
import { testTerminal } from "../test-terminal.js";

describe("whittle bench serve", () => {
  let server: FakeServer;
  let folder: string;
  beforeEach(async () => {
    server = await fakeOpenAiServer();
    folder = await mkdtemp(path.join(tmpdir(), "whittle-bench-"));
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function bench(...options: string[]) {
    const terminal = testTerminal();
    const code = await main(
      ["bench", "serve", server.url, "--requests", "4", "--output-tokens", "2-3", ...options],
      terminal,
    );
    return { code, out: terminal.out(), err: terminal.err() };
  }

  test("prints a table, and writes JSON and a page with plots", async () => {
    const [json, html] = [path.join(folder, "load.json"), path.join(folder, "load.html")];
    const { code, out } = await bench("--prompt-tokens", "20", "--rate", "100", "--json", json, "--html", html);
    expect(code).toBe(0);
    expect(out).toMatch(/^requests {4}4 answered, 0 failed, in \d+\.\d s$/m);
    for (const name of ["TTFT", "TBT", "TPOT", "end to end"])
      expect(out).toMatch(new RegExp(`^${name}( +\\d+\\.\\d){6}$`, "m"));
    const report = JSON.parse(await readFile(json, "utf8")) as LoadReport;
    expect(report.outcomes).toHaveLength(4);
    expect(report.arrivals).toBe("Poisson arrivals, 100 requests/s");
    const page = await readFile(html, "utf8");
    expect(page.match(/<svg /g)).toHaveLength(5);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).not.toMatch(/src=|href=/);
  });

  test("plays a trace, and leaves out what is too long", async () => {
    const trace = path.join(folder, "trace.csv");
    await writeFile(
      trace,
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.680,37,2\n2023-11-16 18:15:46.700,5000,2\n2023-11-16 18:15:46.720,20,3\n",
    );
    const { code, out, err } = await bench("--trace", trace, "--json", "-");
    expect(code).toBe(0);
    expect(err).toContain("1 of 3 requests are left out");
    const report = JSON.parse(out) as LoadReport;
    expect(report.outcomes.map(({ outputTokens }) => outputTokens)).toEqual([2, 3]);
    expect(report.outcomes[1]!.intendedMs - report.outcomes[0]!.intendedMs).toBeCloseTo(40, 6);
  });

  test.each([
    [["--rate", "1", "--concurrency", "2"], "only one of --rate and --concurrency"],
    [["--prompt-tokens", "9-3"], "a range such as 64-512"],
    [["--trace", "no-such.csv"], "no-such.csv: no such file"],
    [["--model", "other"], "it has: fake-small, fake-large"],
  ])("%j is refused in one line", async (options, message) => {
    const { code, err } = await bench(...options);
    expect(code).toBe(1);
    expect(err).toContain(message);
  });
});
