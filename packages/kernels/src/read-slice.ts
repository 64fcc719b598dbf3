import { open, stat } from "node:fs/promises";
import { CheckpointError } from "@whittle/core";

/** @throws CheckpointError if there is no such file. */
export async function fileSize(path: string): Promise<number> {
  const { size } = await stat(path).catch((error: Error) => {
    throw new CheckpointError(path, `cannot be opened (${error.message})`);
  });
  return size;
}

/**
 * Bytes `[offset, offset + length)` of a file.
 * @throws CheckpointError if it cannot be read or is too short.
 */
export async function readSlice(path: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(path, "r").catch((error: Error) => {
    throw new CheckpointError(path, `cannot be opened (${error.message})`);
  });
  try {
    const { size } = await handle.stat();
    if (size < offset + length)
      throw new CheckpointError(path, `ends after ${size} bytes, but a tensor needs ${offset + length}`);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new CheckpointError(path, `shrank to ${offset + done} bytes while it was read`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
