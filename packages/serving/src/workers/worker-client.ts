import { Worker } from "node:worker_threads";
import { WhittleError } from "@whittle/core";

/** A worker's answer to one call. Errors cross as what a client may know of them. */
export type WorkerReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } };

/** The worker ended in the middle of its work. */
export class WorkerFailed extends WhittleError {
  constructor(name: string, reason: string) {
    super("worker_failed", `the ${name} ended in the middle of its work: ${reason}`);
  }
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * One worker thread that answers calls, one after the other. It starts with `start` or the first call, and again with the next one after it died; while it has nothing to do it does not
 * keep the process alive.
 */
export class WorkerClient {
  private worker: Worker | undefined;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;

  /** `name` is the worker's file among `dist/workers`, and what errors call it. */
  constructor(private readonly name: string) {}

  get pendingCalls(): number {
    return this.pending.size;
  }

  /** Rejects with a `WhittleError` of the code that the worker gave, or `WorkerFailed`. */
  call<T>(message: object): Promise<T> {
    const worker = (this.worker ??= this.begin());
    const id = this.calls++;
    worker.ref();
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ id, ...message });
    });
  }

  /** Starts the worker before there is a call for it. */
  start(): void {
    this.worker ??= this.begin();
    if (this.pending.size === 0) this.worker.unref();
  }

  /** Sends what needs no answer; nothing happens if the worker is not there any more. */
  tell(message: object): void {
    this.worker?.postMessage(message);
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private begin(): Worker {
    // Its output is not ours, and must not be read either: a thread whose output is read keeps the process alive, `unref` or not.
    const worker = new Worker(workerUrl(this.name), { stdout: true, stderr: true });
    worker.on("message", (reply: WorkerReply) => this.settle(worker, reply));
    worker.on("error", (error) => this.lose(worker, error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => this.lose(worker, `exit code ${code}`));
    return worker;
  }

  private settle(worker: Worker, reply: WorkerReply): void {
    const pending = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if (this.pending.size === 0) worker.unref();
    if (!pending) return;
    if ("value" in reply) return pending.resolve(reply.value);
    const { code, message } = reply.error;
    pending.reject(code === undefined ? new WorkerFailed(this.name, message) : new WhittleError(code, message));
  }

  private lose(worker: Worker, reason: string): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    const lost = [...this.pending.values()];
    this.pending.clear();
    for (const pending of lost) pending.reject(new WorkerFailed(this.name, reason));
  }
}

/** Beside the built code; run from its sources, the package uses what it built last. */
function workerUrl(name: string): URL {
  const fromSource = import.meta.url.endsWith(".ts");
  return new URL(fromSource ? `../../dist/workers/${name}.js` : `./workers/${name}.js`, import.meta.url);
}
