// node-llama-cpp's side of `compare`, in a process that loads nothing of ours.
// node peer-process.js <settings as JSON>
import { serveJobs } from "./serve-jobs.js";
import { type Side } from "./side.js";

export interface PeerSettings {
  /** A GGUF file. */
  readonly model: string;
  readonly contexts: readonly PeerContext[];
}

/** A way to run the model: a context of node-llama-cpp. */
export interface PeerContext {
  readonly name: string;
  readonly threads: number;
  readonly sequences: number;
  /** Of each sequence. */
  readonly contextTokens: number;
  readonly flashAttention: boolean;
}

const { model, contexts } = JSON.parse(process.argv[2]!) as PeerSettings;
// From bench/dist/compare, where this runs. Not a workspace, so no types.
const peer = (await import(new URL("../../peers/node-llama-cpp-streams.mjs", import.meta.url).href)) as {
  open(file: string, contexts: readonly PeerContext[]): Promise<Side>;
};
await serveJobs(await peer.open(model, contexts));
process.exit();
