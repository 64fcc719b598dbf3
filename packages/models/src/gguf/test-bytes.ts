/** GGUF files byte by byte, right or wrong: for tests of what reads them. */
export class GgufBytes {
  private readonly parts: Uint8Array[] = [];

  magic(version: number): this {
    return this.raw(Buffer.from("GGUF")).u32(version);
  }

  head(version: number, tensors: number, values: number): this {
    return this.magic(version).u64(BigInt(tensors)).u64(BigInt(values));
  }

  key(name: string, type: number): this {
    return this.string(name).u32(type);
  }

  /** Sizes outermost first. */
  tensor(name: string, sizes: readonly (number | bigint)[], type: number, offset: bigint): this {
    this.string(name).u32(sizes.length);
    for (const size of [...sizes].reverse()) this.u64(BigInt(size));
    return this.u32(type).u64(offset);
  }

  string(text: string): this {
    return this.u64(BigInt(Buffer.byteLength(text))).raw(Buffer.from(text));
  }

  number(type: "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f64", value: number): this {
    const buffer = Buffer.alloc({ u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f64: 8 }[type]);
    if (type === "f64") buffer.writeDoubleLE(value);
    else if (type.startsWith("u")) buffer.writeUIntLE(value, 0, buffer.length);
    else buffer.writeIntLE(value, 0, buffer.length);
    return this.raw(buffer);
  }

  u32(value: number): this {
    return this.number("u32", value);
  }

  u64(value: bigint): this {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(value);
    return this.raw(buffer);
  }

  data(bytes: number): this {
    return this.raw(new Uint8Array(bytes));
  }

  pad(alignment: number): this {
    return this.data(-this.whole().length & (alignment - 1));
  }

  raw(bytes: Uint8Array): this {
    this.parts.push(bytes);
    return this;
  }

  whole(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}
