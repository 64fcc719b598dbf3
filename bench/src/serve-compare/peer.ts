import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// From bench/dist, where benchmarks run.
const folder = fileURLToPath(new URL("../peers/", import.meta.url));

/** Installs the peers at the first call; their binaries are within their packages, so no install script runs. */
export function installPeers(): void {
  const names = ["node-llama-cpp", "onnxruntime-node"];
  if (names.every((name) => existsSync(join(folder, "node_modules", name)))) return;
  console.log("Installing what Whittle is compared with (some hundred MB) …");
  // Not `npm ci`: it refuses a lockfile without the binaries for other platforms that a registry does not hold.
  const args = ["install", "--no-save", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", args, { stdio: ["ignore", "ignore", "inherit"] });
}

export interface PeerOptions {
  readonly gguf: string;
  /** Answers at once. */
  readonly sequences: number;
  /** Tokens of one of them. */
  readonly contextTokens: number;
  /** 0: as many as it likes. */
  readonly threads: number;
}

export interface PeerServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** node-llama-cpp behind a minimal HTTP server, in a process of its own. */
export async function startPeer({ gguf, sequences, contextTokens, threads }: PeerOptions): Promise<PeerServer> {
  const args = [join(folder, "node-llama-cpp-server.mjs"), gguf, ...[sequences, contextTokens, threads].map(String)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const url = await Promise.race([
    once(child.stdout!.setEncoding("utf8"), "data").then(([text]) => (text as string).trim()),
    exited.then(([code]) => {
      throw new Error(`the peer ended with ${String(code)} before it was ready`);
    }),
  ]);
  return {
    url,
    async stop() {
      child.kill();
      await exited;
    },
  };
}
