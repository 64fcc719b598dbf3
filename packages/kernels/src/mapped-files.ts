import { open, stat } from "node:fs/promises";
import { CheckpointError } from "@whittle/core";

/** A whole file in memory, shared by all tensors over it. */
export interface MappedFile {
  readonly key: string;
  readonly address: number;
  readonly bytes: number;
  /** Tensors over it, and callers about to make one. */
  users: number;
}

export interface MappingSystem {
  /** An address, or 0 when the system refuses. */
  mapFile(descriptor: number, bytes: number): number;
  /** In queue order. */
  unmap(file: MappedFile): void;
}

/** A device's mapped files: each once, as long as a tensor uses it. */
export class MappedFiles {
  /** Bytes mapped now. */
  bytes = 0;
  private readonly files = new Map<string, Promise<MappedFile>>();

  constructor(private readonly system: MappingSystem) {}

  /**
   * Takes a use of a file; each needs its `drop`.
   * @throws CheckpointError if it cannot be opened or mapped, or has fewer than `leastBytes` bytes.
   */
  async use(path: string, leastBytes: number): Promise<MappedFile> {
    const { dev, ino, size, mtimeMs } = await stat(path).catch((error: Error) => {
      throw new CheckpointError(path, `cannot be opened (${error.message})`);
    });
    if (size < leastBytes)
      throw new CheckpointError(path, `ends after ${size} bytes, but a tensor needs ${leastBytes}`);
    // A file that was replaced or rewritten since is another one.
    const key = [dev, ino, size, mtimeMs].join(":");
    let opening = this.files.get(key);
    if (!opening) {
      opening = this.map(path, key, size);
      this.files.set(key, opening);
      opening.catch(() => this.files.delete(key));
    }
    const file = await opening;
    file.users++;
    return file;
  }

  drop(file: MappedFile): void {
    if (--file.users > 0) return;
    this.files.delete(file.key);
    this.bytes -= file.bytes;
    this.system.unmap(file);
  }

  private async map(path: string, key: string, bytes: number): Promise<MappedFile> {
    const handle = await open(path, "r").catch((error: Error) => {
      throw new CheckpointError(path, `cannot be opened (${error.message})`);
    });
    try {
      const { size } = await handle.stat();
      if (size < bytes) throw new CheckpointError(path, `shrank from ${bytes} to ${size} bytes while it was opened`);
      const address = this.system.mapFile(handle.fd, bytes);
      if (address === 0) throw new CheckpointError(path, "the system refuses to map it into memory");
      this.bytes += bytes;
      return { key, address, bytes, users: 0 };
    } finally {
      await handle.close();
    }
  }
}
