import { type Readable, type Writable } from "node:stream";

/** Where a command reads, writes and is interrupted: the process's own, or a test's. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Results only, so that they can be piped. */
  readonly stdout: Writable;
  /** Everything that is said about the work. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** What the process will end with. */
  exitCode: number;
  /** Calls `listener` on Ctrl-C (`SIGINT`) and `SIGTERM` instead of ending the process; gives back how to stop that. */
  onInterrupt(listener: (signal: NodeJS.Signals) => void): () => void;
}

/** The terminal that the process was started in. */
export function processTerminal(): Terminal {
  // The reader of a pipe may leave early (`| head`): then there is nobody to write for.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exitCode: 0,
    onInterrupt(listener) {
      process.on("SIGINT", listener).on("SIGTERM", listener);
      return () => void process.off("SIGINT", listener).off("SIGTERM", listener);
    },
  };
}

/** One line about the work, on stderr. */
export function say(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`);
}
