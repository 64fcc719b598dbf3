import { serveJobs } from "./serve-jobs.js";
import { type PeerContext, type PeerSettings } from "./settings.js";
import { type Side } from "./side.js";

/** A peer's side of `compare`, in a process that loads nothing of ours: `module` is its file in bench/peers, the process's argument its settings as JSON. */
export async function serveStreams(module: string): Promise<never> {
  const { model, contexts } = JSON.parse(process.argv[2]!) as PeerSettings;
  // From bench/dist/compare, where this runs. Not a workspace, so no types.
  const peer = (await import(new URL(`../../peers/${module}`, import.meta.url).href)) as {
    open(file: string, contexts: readonly PeerContext[]): Promise<Side>;
  };
  await serveJobs(await peer.open(model, contexts));
  process.exit();
}
