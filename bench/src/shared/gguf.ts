import { createWriteStream } from "node:fs";
import { once } from "node:events";

/** A value of a GGUF file's metadata. Integers are stored as u32, except arrays of them, which are i32. */
export type GgufValue = string | number | boolean | { readonly float: number } | readonly string[] | Int32Array;

export interface GgufTensor {
  readonly name: string;
  readonly type: keyof typeof ggmlTypes;
  /** Outermost first, as everywhere else; the file has it the other way round. */
  readonly shape: readonly number[];
  readonly bytes: () => Promise<Uint8Array>;
}

/** ggml's number of each type, and the bytes of an element. */
const ggmlTypes = { f32: [0, 4], f16: [1, 2], bf16: [30, 2] } as const;
const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const ALIGNMENT = 32;

/**
 * Writes a GGUF file, version 3, little-endian: what llama.cpp reads. Source: ggml's `docs/gguf.md`. For peers in benchmarks: plain floats alone, no quantisation.
 */
export async function writeGguf(
  file: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const head = new Fields();
  head.text("GGUF").u32(3).u64(tensors.length).u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) head.string(key).value(value);
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    const [number, elementBytes] = ggmlTypes[type];
    head.string(name).u32(shape.length);
    for (const size of [...shape].reverse()) head.u64(size);
    head.u32(number).u64(offset);
    offset += padded(shape.reduce((product, size) => product * size, elementBytes));
  }
  const stream = createWriteStream(file);
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!stream.write(bytes)) await once(stream, "drain");
  };
  const headBytes = head.bytes();
  await write(headBytes);
  await write(new Uint8Array(padded(headBytes.length) - headBytes.length));
  for (const { bytes } of tensors) {
    const data = await bytes();
    await write(data);
    await write(new Uint8Array(padded(data.length) - data.length));
  }
  stream.end();
  await once(stream, "finish");
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Bytes that are written one field after the other. */
class Fields {
  private readonly parts: Buffer[] = [];

  text(text: string): this {
    this.parts.push(Buffer.from(text));
    return this;
  }

  u32(value: number): this {
    return this.fixed(4, (buffer) => buffer.writeUInt32LE(value));
  }

  u64(value: number): this {
    return this.fixed(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
  }

  string(text: string): this {
    return this.u64(Buffer.byteLength(text)).text(text);
  }

  value(value: GgufValue): this {
    if (typeof value === "string") return this.u32(valueTypes.string).string(value);
    if (typeof value === "number") return this.u32(valueTypes.u32).u32(value);
    if (typeof value === "boolean")
      return this.u32(valueTypes.bool).fixed(1, (buffer) => buffer.writeUInt8(Number(value)));
    if ("float" in value) return this.u32(valueTypes.f32).fixed(4, (buffer) => buffer.writeFloatLE(value.float));
    this.u32(valueTypes.array);
    if (value instanceof Int32Array) {
      this.u32(valueTypes.i32).u64(value.length);
      for (const item of value) this.fixed(4, (buffer) => buffer.writeInt32LE(item));
    } else {
      this.u32(valueTypes.string).u64(value.length);
      for (const item of value) this.string(item);
    }
    return this;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  private fixed(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size);
    write(buffer);
    this.parts.push(buffer);
    return this;
  }
}
