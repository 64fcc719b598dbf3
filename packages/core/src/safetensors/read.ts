import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { CheckpointError } from "../errors.js";
import { maxHeaderBytes, parseHeader, type SafetensorsHeader, type StoredTensor } from "./header.js";

/** All tensors of a checkpoint, whatever the number of its files. Nothing but headers has been read. */
export interface Checkpoint {
  /** The file or folder it was opened by. */
  readonly path: string;
  readonly files: readonly string[];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens a safetensors file, or a folder with `model.safetensors` or with `model.safetensors.index.json` and its shards.
 *
 * @throws CheckpointError naming the file and what is wrong: missing, cut short, malformed, two files for one tensor.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const info = await stat(path).catch(() => {
    throw new CheckpointError(path, "there is no such file or folder");
  });
  if (!info.isDirectory()) return single(path, path);
  const file = join(path, "model.safetensors");
  if (await exists(file)) return single(path, file);
  const index = join(path, "model.safetensors.index.json");
  if (await exists(index)) return sharded(path, index);
  throw new CheckpointError(path, "holds neither model.safetensors nor model.safetensors.index.json");
}

/** The bytes of one tensor as stored. Devices map them instead; this is for tools and tests. */
export async function readTensorBytes(tensor: StoredTensor): Promise<Uint8Array> {
  const handle = await open(tensor.file, "r");
  try {
    return await readExactly(handle, tensor.file, tensor.byteOffset, tensor.bytes);
  } finally {
    await handle.close();
  }
}

/** Reads and checks the header of one file. */
export async function readHeader(file: string): Promise<SafetensorsHeader> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(
      file,
      error.code === "ENOENT" ? "there is no such file" : `cannot be opened (${error.code})`,
    );
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new CheckpointError(file, "is not a file");
    if (info.size < 8) throw new CheckpointError(file, `is ${info.size} bytes long, too short for a safetensors file`);
    const length = new DataView((await readExactly(handle, file, 0, 8)).buffer).getBigUint64(0, true);
    if (length > BigInt(maxHeaderBytes) || length > BigInt(info.size - 8)) {
      throw new CheckpointError(
        file,
        `its header claims ${length} bytes, but the file has ${info.size} and the format allows ${maxHeaderBytes} (not a safetensors file, or cut short)`,
      );
    }
    const json = await readExactly(handle, file, 8, Number(length));
    return parseHeader(file, json, info.size - 8 - Number(length));
  } finally {
    await handle.close();
  }
}

async function single(path: string, file: string): Promise<Checkpoint> {
  return { path, files: [file], ...(await readHeader(file)) };
}

async function sharded(path: string, index: string): Promise<Checkpoint> {
  const map = await readWeightMap(index);
  const files = [...new Set(map.values())].sort();
  const tensors = new Map<string, StoredTensor>();
  let metadata = {};
  for (const shard of files) {
    const header = await readHeader(join(path, shard));
    metadata = { ...metadata, ...header.metadata };
    for (const [name, tensor] of header.tensors) {
      if (map.get(name) !== shard)
        throw new CheckpointError(
          tensor.file,
          `holds tensor ${JSON.stringify(name)}, which the index places in ${map.get(name) ?? "no file"}`,
        );
      tensors.set(name, tensor);
    }
  }
  for (const [name, shard] of map) {
    if (!tensors.has(name))
      throw new CheckpointError(index, `places tensor ${JSON.stringify(name)} in ${shard}, which does not hold it`);
  }
  return { path, files: files.map((file) => join(path, file)), tensors, metadata };
}

async function readWeightMap(index: string): Promise<Map<string, string>> {
  let root: unknown;
  try {
    root = JSON.parse(await readFile(index, "utf8"));
  } catch (error) {
    throw new CheckpointError(index, `is not JSON (${(error as Error).message})`);
  }
  const map = (root as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw new CheckpointError(index, "has no weight_map object");
  for (const [name, shard] of Object.entries(map)) {
    if (
      typeof shard !== "string" ||
      shard !== basename(shard) ||
      shard.includes("\\") ||
      !shard.endsWith(".safetensors")
    ) {
      throw new CheckpointError(
        index,
        `places tensor ${JSON.stringify(name)} in ${JSON.stringify(shard)}, which is not the name of a .safetensors file beside it`,
      );
    }
  }
  return new Map(Object.entries(map as Record<string, string>));
}

async function readExactly(handle: FileHandle, file: string, position: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await handle.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0)
      throw new CheckpointError(file, `ends at byte ${position + done}, expected ${position + bytes}`);
    done += bytesRead;
  }
  return buffer;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}
