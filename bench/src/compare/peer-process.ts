// node-llama-cpp's side of `compare`, in a process that loads nothing of ours.
// node peer-process.js <model.gguf> <ways as JSON>
import { serveJobs } from "./serve-jobs.js";
import { type Side } from "./side.js";

/** A context of node-llama-cpp. */
export interface PeerContext {
  readonly name: string;
  readonly threads: number;
  readonly sequences: number;
  readonly contextTokens: number;
  readonly flashAttention: boolean | "auto";
}

const [file, contexts] = process.argv.slice(2);
// From bench/dist/compare, where this runs. Not a workspace, so no types.
const peer = (await import(new URL("../../peers/node-llama-cpp-streams.mjs", import.meta.url).href)) as {
  open(file: string, contexts: readonly PeerContext[]): Promise<Side>;
};
await serveJobs(await peer.open(file!, JSON.parse(contexts!) as PeerContext[]));
process.exit();
