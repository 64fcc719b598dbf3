import { CheckpointError } from "@whittle/core";

/** Thrown where the bytes at hand end, but the file may go on. */
export class HeadTooShort extends Error {}

/** Reads a file's beginning field by field. No length is believed before it has been checked against the file's. */
export class Cursor {
  private at = 0;
  private readonly view: DataView;
  private readonly text: Buffer;

  /** @param head the first bytes of the file, all of it or not */
  constructor(
    private readonly file: string,
    head: Uint8Array,
    private readonly fileBytes: number,
  ) {
    this.view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    this.text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  }

  get position(): number {
    return this.at;
  }

  fail(reason: string): never {
    throw new CheckpointError(this.file, reason);
  }

  u8(): number {
    return this.view.getUint8(this.take(1, 1));
  }
  i8(): number {
    return this.view.getInt8(this.take(1, 1));
  }
  u16(): number {
    return this.view.getUint16(this.take(1, 2), true);
  }
  i16(): number {
    return this.view.getInt16(this.take(1, 2), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(1, 4), true);
  }
  i32(): number {
    return this.view.getInt32(this.take(1, 4), true);
  }
  f32(): number {
    return this.view.getFloat32(this.take(1, 4), true);
  }
  f64(): number {
    return this.view.getFloat64(this.take(1, 8), true);
  }
  /** A bigint where a number cannot hold it. */
  u64(): number | bigint {
    return exact(this.view.getBigUint64(this.take(1, 8), true));
  }
  i64(): number | bigint {
    return exact(this.view.getBigInt64(this.take(1, 8), true));
  }

  /** A u64 that counts or measures something: `what`, for errors. */
  count(what: string): number {
    const value = this.u64();
    return typeof value === "number" ? value : this.fail(`${what} is ${value}, which cannot be`);
  }

  string(): string {
    const length = this.count("the length of a string");
    const from = this.take(length, 1);
    return this.text.toString("utf8", from, from + length);
  }

  /** Dense elements, copied. */
  bytes(count: number, elementBytes: number): ArrayBuffer {
    const from = this.take(count, elementBytes);
    return this.view.buffer.slice(
      this.view.byteOffset + from,
      this.view.byteOffset + from + count * elementBytes,
    ) as ArrayBuffer;
  }

  /** Checks that the file has room for so many elements of at least so many bytes. */
  assertRoom(count: number, elementBytes: number, what: string): void {
    if (count * elementBytes > this.fileBytes - this.at)
      this.fail(
        `${what} needs at least ${count * elementBytes} bytes from byte ${this.at} on, but the file ends at ${this.fileBytes} (cut short?)`,
      );
  }

  private take(count: number, elementBytes: number): number {
    const end = this.at + count * elementBytes;
    if (end > this.view.byteLength) {
      this.assertRoom(count, elementBytes, "its head");
      throw new HeadTooShort();
    }
    const from = this.at;
    this.at = end;
    return from;
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
