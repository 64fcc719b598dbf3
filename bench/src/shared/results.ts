import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// From bench/dist, where benchmarks run.
const folder = new URL("../results/", import.meta.url);

/** Writes `bench/results/<name>.json`. */
export function writeResults(name: string, results: unknown): void {
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nWritten to ${fileURLToPath(file)}`);
}

/** What `writeResults` wrote last, if it ever did. */
export function readResults(name: string): unknown {
  const file = new URL(`${name}.json`, folder);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
