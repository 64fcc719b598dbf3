import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { ArgumentError } from "./errors.js";

/** The content of a file or of a part of it, whole or in pieces. */
export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Writes a file that appears whole or not at all: under another name first. */
export async function replaceFile(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "w");
  try {
    await write(handle);
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes what a tensor gives. @throws ArgumentError unless that is `expected` bytes. */
export async function writeContent(
  handle: FileHandle,
  content: Content,
  { name, expected }: { readonly name: string; readonly expected: number },
): Promise<void> {
  let written = 0;
  for await (const piece of content instanceof Uint8Array ? [content] : content) {
    written += piece.byteLength;
    if (written > expected) break;
    await handle.writeFile(piece);
  }
  if (written !== expected)
    throw new ArgumentError(`${name}: gave ${written} bytes (or more), but its shape and dtype need ${expected}`);
}
