import { ArgumentError, type Content, elementsOf, replaceFile, type Shape, writeContent } from "@whittle/core";
import { type GgmlTypeName, ggmlTypes } from "./ggml-types.js";
import { defaultAlignment, valueTypes } from "./value-types.js";

/** A value of a GGUF file's metadata. Whole numbers are stored as u32, negative ones as i32; `{ float }` as f32. */
export type GgufField =
  | string
  | number
  | boolean
  | { readonly float: number }
  | readonly string[]
  | Int32Array
  | Float32Array;

/** A tensor to be written; `bytes` is asked for when its turn comes, so that a file never stands in memory whole. */
export interface GgufTensorSource {
  readonly name: string;
  readonly type: GgmlTypeName;
  /** Outermost first, as everywhere else (the file has it the other way round); the last is a multiple of the type's block. */
  readonly shape: Shape;
  /** Little-endian, row-major, dense; may come in pieces. */
  bytes(): Content | Promise<Content>;
}

/**
 * Writes a GGUF file, version 3, little-endian: what llama.cpp reads. The file appears whole or not at all. Source: ggml's `docs/gguf.md`.
 * @throws ArgumentError for a doubled name, a shape that is not whole blocks, or bytes that do not fit shape and type.
 */
export async function writeGguf(
  file: string,
  tensors: readonly GgufTensorSource[],
  { metadata }: { readonly metadata: Readonly<Record<string, GgufField>> },
): Promise<void> {
  const head = headOf(tensors, metadata);
  await replaceFile(file, async (handle) => {
    await handle.writeFile(head);
    await handle.writeFile(paddingOf(head.length));
    for (const tensor of tensors) {
      const expected = byteLength(tensor);
      await writeContent(handle, await tensor.bytes(), { name: tensor.name, expected });
      await handle.writeFile(paddingOf(expected));
    }
  });
}

function headOf(tensors: readonly GgufTensorSource[], metadata: Readonly<Record<string, GgufField>>): Uint8Array {
  const head = new Fields();
  head.text("GGUF").u32(3).u64(tensors.length).u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) head.string(key).value(value);
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of tensors) {
    const { name, type, shape } = tensor;
    if (names.has(name)) throw new ArgumentError(`two tensors are named ${JSON.stringify(name)}`);
    names.add(name);
    head.string(name).u32(shape.length);
    for (const size of [...shape].reverse()) head.u64(size);
    head.u32(ggmlTypes[type].id).u64(offset);
    const bytes = byteLength(tensor);
    offset += bytes + paddingOf(bytes).length;
  }
  return head.bytes();
}

function byteLength({ name, type, shape }: GgufTensorSource): number {
  const { elements, bytes } = ggmlTypes[type];
  if ((shape.at(-1) ?? 1) % elements !== 0)
    throw new ArgumentError(
      `${name}: ${type} stores blocks of ${elements} elements along a row, but rows have ${shape.at(-1)}`,
    );
  return (elementsOf(shape) / elements) * bytes;
}

function paddingOf(bytes: number): Uint8Array {
  return new Uint8Array(-bytes & (defaultAlignment - 1));
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

  value(value: GgufField): this {
    if (typeof value === "string") return this.u32(valueTypes.string).string(value);
    if (typeof value === "number")
      return value < 0
        ? this.u32(valueTypes.i32).fixed(4, (buffer) => buffer.writeInt32LE(value))
        : this.u32(valueTypes.u32).u32(value);
    if (typeof value === "boolean")
      return this.u32(valueTypes.bool).fixed(1, (buffer) => buffer.writeUInt8(Number(value)));
    if ("float" in value) return this.u32(valueTypes.f32).fixed(4, (buffer) => buffer.writeFloatLE(value.float));
    this.u32(valueTypes.array);
    if (value instanceof Int32Array) {
      this.u32(valueTypes.i32).u64(value.length);
      for (const item of value) this.fixed(4, (buffer) => buffer.writeInt32LE(item));
    } else if (value instanceof Float32Array) {
      this.u32(valueTypes.f32).u64(value.length);
      for (const item of value) this.fixed(4, (buffer) => buffer.writeFloatLE(item));
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
