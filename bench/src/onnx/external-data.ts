import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { readTensorBytes } from "@whittle/core";
import { type GgufTensor } from "@whittle/models";

/** Where a graph finds the elements of a tensor. */
export interface Extent {
  /** Beside the model's file. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** onnxruntime maps the file: so no element lies across a page. */
const alignment = 4096;

/** The file of weights beside a graph. What the GGUF file has in a form that onnxruntime reads is taken from there. */
export class ExternalData {
  private end = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly location: string,
  ) {}

  /** @param location the name that graphs will find it by */
  static async create(path: string, location: string): Promise<ExternalData> {
    return new ExternalData(await open(path, "w"), location);
  }

  async add(bytes: Uint8Array): Promise<Extent> {
    const offset = Math.ceil(this.end / alignment) * alignment;
    // One call writes less than 2 GiB.
    for (let done = 0; done < bytes.length;)
      done += (await this.file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30), offset + done)).bytesWritten;
    this.end = offset + bytes.length;
    return { location: this.location, offset, length: bytes.length };
  }

  /** The bytes of tensors, one after the other: where they lie, if they lie so, else a copy. */
  async stored(tensors: readonly GgufTensor[]): Promise<Extent> {
    const [first] = tensors;
    const length = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
    const inOrder = tensors.every(
      ({ byteOffset }, i) => i === 0 || byteOffset === tensors[i - 1]!.byteOffset + tensors[i - 1]!.bytes,
    );
    if (inOrder) return { location: basename(first!.file), offset: first!.byteOffset, length };
    return this.add(Buffer.concat(await Promise.all(tensors.map(readTensorBytes))));
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
