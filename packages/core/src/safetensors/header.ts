import { isBlockDType } from "../block-formats.js";
import { bytesOf, type DType } from "../dtypes.js";
import { ArgumentError, CheckpointError } from "../errors.js";
import { elementsOf, formatShape, type Shape } from "../shape.js";

/** Where one tensor lies in a checkpoint. */
export interface StoredTensor {
  readonly file: string;
  /** From the beginning of the file. */
  readonly byteOffset: number;
  readonly bytes: number;
  readonly shape: Shape;
  /** As the file names it: `F32`, `BF16`, … */
  readonly storedAs: string;
  /** Ours for it; absent if no device computes with it (`F64`, `I64`, …). */
  readonly dtype?: DType;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit on its header. */
export const maxHeaderBytes = 100_000_000;

const ours: Readonly<Record<string, DType>> = { F32: "f32", F16: "f16", BF16: "bf16", I32: "i32", I8: "i8", U8: "u8" };
const sizes: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  U32: 4,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  BOOL: 1,
};

/** The format's name of a dtype. @throws ArgumentError for block formats, which it does not know. */
export function storedName(dtype: DType): string {
  if (isBlockDType(dtype)) throw new ArgumentError(`safetensors files hold no ${dtype}: decode it to f16 or f32 first`);
  return dtype.toUpperCase();
}

/**
 * Reads the JSON header of a safetensors file. No length, offset or shape is believed before it has been checked against the rest.
 *
 * @param json the header's bytes, without the length before them
 * @param dataBytes bytes of the file after the header
 * @throws CheckpointError naming the file and what is wrong
 */
export function parseHeader(file: string, json: Uint8Array, dataBytes: number): SafetensorsHeader {
  const root = parseJson(file, json);
  const dataStart = 8 + json.byteLength;
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(root)) {
    if (name === "__metadata__") metadata = parseMetadata(file, entry);
    else tensors.set(name, parseEntry(file, name, entry, dataStart, dataBytes));
  }
  checkCoverage(file, tensors, dataStart, dataBytes);
  return { tensors, metadata };
}

function parseJson(file: string, json: Uint8Array): object {
  let root: unknown;
  try {
    root = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (error) {
    throw new CheckpointError(file, `its header is not JSON (${(error as Error).message})`);
  }
  if (!isObject(root)) throw new CheckpointError(file, "its header is not a JSON object");
  return root;
}

function parseMetadata(file: string, entry: unknown): Record<string, string> {
  if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== "string")) {
    throw new CheckpointError(file, "__metadata__ must map strings to strings");
  }
  return { ...entry } as Record<string, string>;
}

function parseEntry(file: string, name: string, entry: unknown, dataStart: number, dataBytes: number): StoredTensor {
  const bad = (reason: string) => new CheckpointError(file, `tensor ${JSON.stringify(name)}: ${reason}`);
  if (!isObject(entry)) throw bad("its header entry is not an object");
  const { dtype: storedAs, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof storedAs !== "string") throw bad("dtype is not a string");
  const dtype = Object.hasOwn(ours, storedAs) ? ours[storedAs] : undefined;
  const size = dtype ? bytesOf(dtype) : Object.hasOwn(sizes, storedAs) ? sizes[storedAs] : undefined;
  if (size === undefined) throw bad(`unknown dtype ${JSON.stringify(storedAs)}`);
  if (!isCounts(shape) || shape.length > 16)
    throw bad("shape must be a list of at most 16 sizes, whole and not negative");
  if (!isCounts(offsets) || offsets.length !== 2) throw bad("data_offsets must be two whole numbers");
  const [begin, end] = offsets as [number, number];
  const bytes = elementsOf(shape) * size;
  if (!Number.isSafeInteger(bytes)) throw bad(`shape ${formatShape(shape)} is too large to exist`);
  if (begin > end || end > dataBytes)
    throw bad(`data_offsets [${begin}, ${end}] lie outside of the file's ${dataBytes} bytes of data (cut short?)`);
  if (end - begin !== bytes)
    throw bad(`data_offsets span ${end - begin} bytes, but ${storedAs} ${formatShape(shape)} has ${bytes}`);
  return { file, byteOffset: dataStart + begin, bytes, shape, storedAs, ...(dtype && { dtype }) };
}

/** The format allows neither overlaps nor holes: bytes that no tensor owns could hide anything. */
function checkCoverage(
  file: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  dataStart: number,
  dataBytes: number,
): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.bytes - b.bytes);
  let end = dataStart;
  for (const [name, tensor] of inOrder) {
    if (tensor.byteOffset !== end) {
      const what = tensor.byteOffset < end ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new CheckpointError(
        file,
        `tensor ${JSON.stringify(name)} ${what} (begins at byte ${tensor.byteOffset}, expected ${end})`,
      );
    }
    end += tensor.bytes;
  }
  if (end !== dataStart + dataBytes)
    throw new CheckpointError(file, `${dataStart + dataBytes - end} bytes at the end belong to no tensor`);
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
