import { parentPort } from "node:worker_threads";
import { isWhittleError } from "@whittle/core";
import { type WorkerReply } from "./worker-client.js";

/** The worker's side of `WorkerClient`: answers each message that has an id. What `transferred` names of an answer is handed over, not copied. */
export function answerCalls<T>(
  answer: (message: never) => T,
  transferred: (value: Awaited<T>) => ArrayBuffer[] = () => [],
): void {
  const port = parentPort!;
  // What native code prints is for its developers; nobody reads it here, so it must not gather.
  for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
  const reply = async (message: { id?: number }): Promise<void> => {
    const { id } = message;
    try {
      const value = await answer(message as never);
      if (id !== undefined) port.postMessage({ id, value } satisfies WorkerReply, transferred(value));
    } catch (error) {
      if (id === undefined) throw error;
      const said = error instanceof Error ? error.message : String(error);
      const code = isWhittleError(error) ? error.code : undefined;
      port.postMessage({ id, error: { code, message: said } } satisfies WorkerReply);
    }
  };
  let last: Promise<void> = Promise.resolve();
  port.on("message", (message: { id?: number }) => {
    // One after the other, also where answering takes several turns.
    last = last.then(() => reply(message));
  });
}
