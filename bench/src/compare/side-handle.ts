import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Answer, type Job } from "./side.js";

/** A side of the comparison from the driver's end: a process that is stopped (`SIGSTOP`) except while it does a job, so that no thread of it spins meanwhile. */
export class SideHandle {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  /** Starts `<program>-process.js`. */
  static async start(program: string, args: readonly string[]): Promise<SideHandle> {
    // From bench/dist, where benchmarks run.
    const child = fork(fileURLToPath(new URL(`compare/${program}-process.js`, import.meta.url)), args);
    const side = new SideHandle(program, child);
    await side.message();
    child.kill("SIGSTOP");
    return side;
  }

  async do(job: Job): Promise<Answer> {
    this.child.kill("SIGCONT");
    this.child.send(job);
    const { answer, error } = (await this.message()) as { answer?: Answer; error?: string };
    this.child.kill("SIGSTOP");
    if (!answer) throw new Error(`${this.name}: ${error}`);
    return answer;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, "exit");
    this.child.kill("SIGCONT");
    this.child.disconnect();
    await exited;
  }

  private async message(): Promise<unknown> {
    const ended = new AbortController();
    const exit = once(this.child, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`${this.name}: its process ended with ${String(code)}`);
    });
    exit.catch(() => {});
    const [message] = (await Promise.race([once(this.child, "message"), exit])) as [unknown];
    ended.abort();
    return message;
  }
}
