import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** What `whittle bench serve` says of a load, as far as it is compared. */
export interface LoadSummary {
  readonly requests: { readonly sent: number; readonly failed: number };
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly totalTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly ttftMs: Percentiles;
  readonly tbtMs: Percentiles;
}

export interface Load {
  readonly clients: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly seed: number;
}

const whittle = fileURLToPath(import.meta.resolve("@whittle/cli")).replace(/dist[/\\]index\.js$/, "bin/whittle.js");

/** Puts a load on a server, whoever's it is, from a process of its own. */
export async function load(
  url: string,
  { clients, requests, promptTokens, outputTokens, seed }: Load,
): Promise<LoadSummary> {
  const numbers = {
    concurrency: clients,
    requests,
    "prompt-tokens": promptTokens,
    "output-tokens": outputTokens,
    seed,
    temperature: 0,
  };
  const flags = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const args = [whittle, "bench", "serve", url, "--json", "-", ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 });
  const { summary } = JSON.parse(stdout) as { summary: LoadSummary };
  if (summary.requests.failed > 0) throw new Error(`${summary.requests.failed} requests to ${url} failed`);
  return summary;
}
