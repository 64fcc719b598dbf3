import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Answers, type Asked, type Job } from "./side.js";

/** A side of the comparison from the driver's end: a process that is stopped (`SIGSTOP`) except while it does a job, so that no thread of it spins meanwhile. */
export class SideHandle implements Asked {
  private readonly exited: Promise<never>;

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.exited = once(child, "exit").then(([code, signal]) => {
      throw new Error(`${name}: its process ended with ${String(code ?? signal)}`);
    });
    this.exited.catch(() => {});
  }

  /** Starts `<name>-process.js`; `launcher` is a command that runs it, with its options. */
  static async start(name: string, settings: unknown, launcher: readonly string[] = []): Promise<SideHandle> {
    // From bench/dist, where benchmarks run.
    const program = fileURLToPath(new URL(`compare/${name}-process.js`, import.meta.url));
    const [command, ...args] = [...launcher, process.execPath, program, JSON.stringify(settings)];
    const side = new SideHandle(name, spawn(command!, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
    await side.message();
    side.child.kill("SIGSTOP");
    return side;
  }

  async do<K extends Job["kind"]>(job: Extract<Job, { kind: K }>): Promise<Answers[K]> {
    this.child.kill("SIGCONT");
    this.child.send(job);
    const { answer, error } = (await this.message()) as { answer?: Answers[K]; error?: string };
    this.child.kill("SIGSTOP");
    if (!answer) throw new Error(`${this.name}: ${error}`);
    return answer;
  }

  async stop(): Promise<void> {
    if (!this.child.connected) return;
    this.child.kill("SIGCONT");
    this.child.disconnect();
    await this.exited.catch(() => {});
  }

  private async message(): Promise<unknown> {
    return ((await Promise.race([once(this.child, "message"), this.exited])) as [unknown])[0];
  }
}
