import { PassThrough } from "node:stream";
import { type Terminal } from "./terminal.js";

/** A terminal in memory, for tests, that nobody interrupts. */
export interface TestTerminal extends Terminal {
  readonly out: () => string;
  readonly err: () => string;
}

export function testTerminal({ isTTY = false } = {}): TestTerminal {
  const [stdout, out] = collected();
  const [stderr, err] = collected();
  return {
    stdin: new PassThrough(),
    stdout,
    stderr: Object.assign(stderr, { isTTY }),
    exitCode: 0,
    onInterrupt: () => () => {},
    out,
    err,
  };
}

function collected(): [PassThrough, () => string] {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return [stream, () => text];
}
