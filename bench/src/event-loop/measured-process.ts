import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type Delays, startMonitor, stopMonitor } from "./delays.js";

/** A process of its own whose event loop is watched while it is told to. */
export class MeasuredProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** What it said when it was ready. */
    readonly ready: unknown,
  ) {}

  /** Starts this program again in another role. */
  static async start(role: string, args: readonly string[] = []): Promise<MeasuredProcess> {
    const child = fork(process.argv[1]!, ["--role", role, ...args]);
    const [message] = (await Promise.race([once(child, "message"), failed(child, role)])) as [unknown];
    return new MeasuredProcess(child, message);
  }

  begin(): void {
    this.child.send("begin");
  }

  async end(): Promise<Delays> {
    const answer = once(this.child, "message");
    this.child.send("end");
    return ((await answer) as [Delays])[0];
  }

  async stop(): Promise<void> {
    const exited = once(this.child, "exit");
    this.child.disconnect();
    await exited;
  }
}

async function failed(child: ChildProcess, role: string): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`the ${role} process ended with ${code} before it was ready`);
}

/** The other side: says that it is ready, and measures when told to. Resolves when the parent lets go of it. */
export async function measured(ready: unknown): Promise<void> {
  let histogram: ReturnType<typeof startMonitor> | undefined;
  process.on("message", (message) => {
    if (message === "begin") histogram = startMonitor();
    else process.send!(stopMonitor(histogram!));
  });
  process.send!(ready);
  await once(process, "disconnect");
}
