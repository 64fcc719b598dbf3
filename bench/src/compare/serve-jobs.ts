import { once } from "node:events";
import { doJob } from "./jobs.js";
import { type Job, type Side } from "./side.js";

/** The loop of a side's process: says that it is ready, does a job at a time, and ends when its parent lets go of it. */
export async function serveJobs(side: Side): Promise<void> {
  process.on("message", (job: Job) => {
    doJob(side, job).then(
      (answer) => process.send!({ answer }),
      (error: unknown) => process.send!({ error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.send!("ready");
  await once(process, "disconnect");
  await side.close();
}
