import { elementsOf, formatShape, type StoredTensor } from "@whittle/core";
import { Cursor } from "./cursor.js";
import { dtypeOf, type GgmlType, ggmlTypeOf } from "./ggml-types.js";
import { defaultAlignment, valueTypes } from "./value-types.js";

/** A value of a file's metadata: 64-bit integers that no number holds exactly are bigints, lists of numbers typed arrays. */
export type GgufValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | readonly GgufValue[];

/** Where one tensor lies, its shape outermost first (the file has it the other way round). */
export interface GgufTensor extends StoredTensor {
  readonly type: GgmlType;
}

/** All that stands before the data. */
export interface GgufHead {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 0x46554747; // "GGUF"
const LARGEST_DIMENSIONS = 4;
const DEEPEST_ARRAY = 4;

/**
 * Reads the head of a GGUF file, version 2 or 3, little-endian. No count, length, offset or shape is believed before it has been checked against the rest.
 * Source: ggml's `docs/gguf.md`.
 *
 * @param head the first bytes of the file
 * @param fileBytes how many it has in all
 * @throws CheckpointError naming the file and what is wrong; HeadTooShort if more of the file is needed.
 */
export function parseGguf(file: string, head: Uint8Array, fileBytes: number): GgufHead {
  const cursor = new Cursor(file, head, fileBytes);
  if (cursor.u32() !== MAGIC) cursor.fail(`does not begin with "GGUF" (not a GGUF file)`);
  const version = readVersion(cursor);
  const tensorCount = cursor.count("the number of tensors");
  const valueCount = cursor.count("the number of metadata values");
  // A tensor has at least an empty name, no sizes, a type and an offset; a value an empty name, a type and a byte.
  cursor.assertRoom(tensorCount, 24, `its list of ${tensorCount} tensors`);
  cursor.assertRoom(valueCount, 13, `its list of ${valueCount} metadata values`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.string();
    if (metadata.has(key)) cursor.fail(`has two metadata values named ${JSON.stringify(key)}`);
    metadata.set(key, readValue(cursor, key, cursor.u32(), 0));
  }
  const described: Described[] = [];
  for (let i = 0; i < tensorCount; i++) described.push(readTensor(cursor));
  const alignment = alignmentOf(cursor, metadata);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { version, metadata, tensors: place(cursor, file, described, { dataStart, alignment, fileBytes }) };
}

function readVersion(cursor: Cursor): number {
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  if (version === 1) return cursor.fail("is of GGUF version 1, which is not read; convert the model anew");
  // The bytes of a small number the other way round.
  return version % 2 ** 16 === 0
    ? cursor.fail("is big-endian; little-endian files are read")
    : cursor.fail(`is of GGUF version ${version}; 2 and 3 are read`);
}

function readValue(cursor: Cursor, key: string, type: number, depth: number): GgufValue {
  switch (type) {
    case valueTypes.u8:
      return cursor.u8();
    case valueTypes.i8:
      return cursor.i8();
    case valueTypes.u16:
      return cursor.u16();
    case valueTypes.i16:
      return cursor.i16();
    case valueTypes.u32:
      return cursor.u32();
    case valueTypes.i32:
      return cursor.i32();
    case valueTypes.u64:
      return cursor.u64();
    case valueTypes.i64:
      return cursor.i64();
    case valueTypes.f32:
      return cursor.f32();
    case valueTypes.f64:
      return cursor.f64();
    case valueTypes.bool:
      return cursor.u8() !== 0;
    case valueTypes.string:
      return cursor.string();
    case valueTypes.array:
      return readArray(cursor, key, depth);
    default:
      return cursor.fail(`the metadata value ${JSON.stringify(key)} is of type ${type}, which does not exist`);
  }
}

function readArray(cursor: Cursor, key: string, depth: number): GgufValue {
  if (depth === DEEPEST_ARRAY) return cursor.fail(`the metadata value ${JSON.stringify(key)} is nested too deeply`);
  const type = cursor.u32();
  const count = cursor.count(`the length of ${JSON.stringify(key)}`);
  cursor.assertRoom(count, smallest(type), `the list ${JSON.stringify(key)} of ${count} values`);
  switch (type) {
    case valueTypes.u8:
      return new Uint8Array(cursor.bytes(count, 1));
    case valueTypes.i8:
      return new Int8Array(cursor.bytes(count, 1));
    case valueTypes.u16:
      return new Uint16Array(cursor.bytes(count, 2));
    case valueTypes.i16:
      return new Int16Array(cursor.bytes(count, 2));
    case valueTypes.u32:
      return new Uint32Array(cursor.bytes(count, 4));
    case valueTypes.i32:
      return new Int32Array(cursor.bytes(count, 4));
    case valueTypes.f32:
      return new Float32Array(cursor.bytes(count, 4));
    case valueTypes.f64:
      return new Float64Array(cursor.bytes(count, 8));
    default: {
      const values: GgufValue[] = [];
      for (let i = 0; i < count; i++) values.push(readValue(cursor, key, type, depth + 1));
      return values;
    }
  }
}

/** Bytes that a value of this type has at least. */
function smallest(type: number): number {
  if (type === valueTypes.array) return 12;
  if (type === valueTypes.string || type === valueTypes.u64 || type === valueTypes.i64 || type === valueTypes.f64)
    return 8;
  if (type === valueTypes.u32 || type === valueTypes.i32 || type === valueTypes.f32) return 4;
  return type === valueTypes.u16 || type === valueTypes.i16 ? 2 : 1;
}

interface Described extends Pick<GgufTensor, "type" | "shape" | "bytes"> {
  readonly name: string;
  /** From the beginning of the data. */
  readonly offset: number;
}

function readTensor(cursor: Cursor): Described {
  const name = cursor.string();
  const bad = (reason: string): never => cursor.fail(`tensor ${JSON.stringify(name)}: ${reason}`);
  const dimensions = cursor.u32();
  if (dimensions > LARGEST_DIMENSIONS) bad(`has ${dimensions} dimensions; at most ${LARGEST_DIMENSIONS} are possible`);
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) shape.unshift(cursor.count(`a size of tensor ${JSON.stringify(name)}`));
  const id = cursor.u32();
  const offset = cursor.count(`the offset of tensor ${JSON.stringify(name)}`);
  const type = ggmlTypeOf(id) ?? bad(`is of ggml type ${id}, which is not known`);
  if ((shape.at(-1) ?? 1) % type.elements !== 0)
    bad(`${type.name} stores blocks of ${type.elements} elements along a row, but the shape is ${formatShape(shape)}`);
  const bytes = (elementsOf(shape) / type.elements) * type.bytes;
  if (!Number.isSafeInteger(bytes)) bad(`shape ${formatShape(shape)} is too large to exist`);
  return { name, type, shape, bytes, offset };
}

function alignmentOf(cursor: Cursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get("general.alignment") ?? defaultAlignment;
  const valid =
    typeof alignment === "number" && alignment >= 8 && alignment <= 2 ** 20 && Number.isInteger(Math.log2(alignment));
  return valid
    ? (alignment as number)
    : cursor.fail(`general.alignment is ${String(alignment).slice(0, 40)}; expected a power of two from 8 to 2^20`);
}

/** Checks that no tensor lies outside of the file, across another, or off the alignment. */
function place(
  cursor: Cursor,
  file: string,
  described: readonly Described[],
  { dataStart, alignment, fileBytes }: { dataStart: number; alignment: number; fileBytes: number },
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, type, shape, bytes, offset } of described) {
    const bad = (reason: string): never => cursor.fail(`tensor ${JSON.stringify(name)}: ${reason}`);
    if (tensors.has(name)) bad("is there twice");
    if (offset % alignment !== 0) bad(`its offset ${offset} is no multiple of the alignment, ${alignment}`);
    const byteOffset = dataStart + offset;
    if (byteOffset + bytes > fileBytes)
      bad(`ends at byte ${byteOffset + bytes}, but the file has ${fileBytes} (cut short?)`);
    const dtype = dtypeOf(type);
    tensors.set(name, { file, byteOffset, bytes, shape, storedAs: type.name, type, ...(dtype && { dtype }) });
  }
  let end = 0;
  let before = "";
  for (const [name, { byteOffset, bytes }] of [...tensors].sort(([, a], [, b]) => a.byteOffset - b.byteOffset)) {
    if (bytes === 0) continue;
    if (byteOffset < end) cursor.fail(`tensors ${JSON.stringify(before)} and ${JSON.stringify(name)} overlap`);
    end = byteOffset + bytes;
    before = name;
  }
  return tensors;
}
