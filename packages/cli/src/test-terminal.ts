import { PassThrough } from "node:stream";
import { type Terminal } from "./terminal.js";

/** A terminal in memory, for tests. */
export interface TestTerminal extends Terminal {
  readonly out: () => string;
  readonly err: () => string;
  /** As if Ctrl-C had been pressed. */
  interrupt(): void;
}

export function testTerminal({ input = "", isTTY = false } = {}): TestTerminal {
  const stdin = new PassThrough();
  stdin.end(input);
  const [stdout, out] = collected();
  const [stderr, err] = collected();
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  return {
    stdin,
    stdout,
    stderr: Object.assign(stderr, { isTTY }),
    exitCode: 0,
    onInterrupt(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    out,
    err,
    interrupt() {
      for (const listener of listeners) listener("SIGINT");
    },
  };
}

function collected(): [PassThrough, () => string] {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return [stream, () => text];
}
