// node-llama-cpp's side of `compare`, in a process that loads nothing of ours.
// node node-llama-cpp-process.js <settings as JSON>
import { serveJobs } from "./serve-jobs.js";
import { type PeerContext, type PeerSettings } from "./settings.js";
import { type Side } from "./side.js";

const { model, contexts } = JSON.parse(process.argv[2]!) as PeerSettings;
// From bench/dist/compare, where this runs. Not a workspace, so no types.
const peer = (await import(new URL("../../peers/node-llama-cpp-streams.mjs", import.meta.url).href)) as {
  open(file: string, contexts: readonly PeerContext[]): Promise<Side>;
};
await serveJobs(await peer.open(model, contexts));
process.exit();
