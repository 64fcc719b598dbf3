import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "@whittle/core";
import { HeadTooShort } from "./cursor.js";
import { type GgufHead, type GgufTensor, type GgufValue, parseGguf } from "./parse-gguf.js";

/** A model in GGUF, whatever the number of its files. Nothing but heads has been read. */
export interface Gguf {
  /** The file it was opened by. */
  readonly path: string;
  readonly files: readonly string[];
  /** Of the first file. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const FIRST_READ = 4 * 2 ** 20;
/** Larger heads are refused: the largest vocabularies known take about 20 MB. */
const LARGEST_HEAD = 2 ** 30;

/**
 * Opens a GGUF file, or all files of a model that was split: then `file` is the first of them (`…-00001-of-00003.gguf`).
 * @throws CheckpointError naming the file and what is wrong: missing, cut short, malformed, of a version or type that is not read, not the first of its files.
 * @example
 * ```ts
 * const { metadata, tensors } = await openGguf("model.gguf");
 * console.log(metadata.get("general.architecture"), tensors.get("token_embd.weight")?.shape);
 * ```
 */
export async function openGguf(file: string): Promise<Gguf> {
  const head = await readHead(file);
  const count = splitField(file, head, "split.count") ?? 1;
  if (count <= 1) return { path: file, files: [file], metadata: head.metadata, tensors: head.tensors };
  const files = filesOf(file, count, splitField(file, head, "split.no") ?? 0);
  const tensors = new Map(head.tensors);
  for (const [number, other] of files.entries()) {
    if (number === 0) continue;
    const part = await readHead(other);
    const [no, of] = [splitField(other, part, "split.no"), splitField(other, part, "split.count")];
    if (no !== number || of !== count)
      throw new CheckpointError(
        other,
        `says that it is file ${no} of ${of}, but its name and the first file's make it ${number} of ${count} (from 0)`,
      );
    for (const [name, tensor] of part.tensors) {
      if (tensors.has(name))
        throw new CheckpointError(other, `holds tensor ${JSON.stringify(name)}, which an earlier file holds too`);
      tensors.set(name, tensor);
    }
  }
  const total = splitField(file, head, "split.tensors.count");
  if (total !== undefined && total !== tensors.size)
    throw new CheckpointError(file, `promises ${total} tensors in all, but its ${count} files hold ${tensors.size}`);
  return { path: file, files, metadata: head.metadata, tensors };
}

/** `…-00001-of-00003.gguf`, or undefined for a name that is not that of a part. */
export function splitName(
  file: string,
): { readonly prefix: string; readonly no: number; readonly count: number } | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(file));
  return match ? { prefix: match[1]!, no: Number(match[2]) - 1, count: Number(match[3]) } : undefined;
}

function filesOf(file: string, count: number, no: number): string[] {
  const name = splitName(file);
  if (!name || name.count !== count)
    throw new CheckpointError(
      file,
      `is one of ${count} files of a model, whose names must end in -00001-of-${digits(count)}.gguf and so on`,
    );
  const files = Array.from({ length: count }, (_, i) =>
    join(dirname(file), `${name.prefix}-${digits(i + 1)}-of-${digits(count)}.gguf`),
  );
  if (no !== 0 || name.no !== 0)
    throw new CheckpointError(file, `is file ${no + 1} of ${count} of a model; open the first, ${basename(files[0]!)}`);
  return files;
}

function digits(number: number): string {
  return String(number).padStart(5, "0");
}

function splitField(file: string, { metadata }: GgufHead, key: string): number | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 99_999)
    throw new CheckpointError(file, `${key} is ${String(value).slice(0, 40)}; expected a number of files or tensors`);
  return value;
}

async function readHead(file: string): Promise<GgufHead> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(
      file,
      error.code === "ENOENT" ? "there is no such file" : `cannot be opened (${error.code})`,
    );
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new CheckpointError(file, "is not a file");
    for (let bytes = FIRST_READ; ; bytes *= 4) {
      try {
        return parseGguf(file, await readFirst(handle, Math.min(bytes, info.size)), info.size);
      } catch (error) {
        if (!(error instanceof HeadTooShort)) throw error;
        if (bytes >= LARGEST_HEAD) throw new CheckpointError(file, `its head has more than ${LARGEST_HEAD} bytes`);
      }
    }
  } finally {
    await handle.close();
  }
}

async function readFirst(handle: FileHandle, bytes: number): Promise<Uint8Array> {
  const head = new Uint8Array(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await handle.read(head, done, bytes - done, done);
    // The file became shorter since its size was asked for: parsing says where it ends.
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return head.subarray(0, done);
}
