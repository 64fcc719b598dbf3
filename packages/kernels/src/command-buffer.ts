import { bytesOf, codecs, rowElementsOf, type Tensor } from "@whittle/core";
import { addressOf } from "./native-storage.js";

// Twin of `src/runtime/commands.h`.
const opcode = {
  run: 1,
  write: 2,
  read: 4,
  release: 5,
  heal: 6,
  fail: 7,
  zero: 8,
  load: 9,
  programBegin: 10,
  programPlace: 11,
  programEnd: 12,
  replay: 13,
  forget: 14,
} as const;

/** What one op needs at most: 6 words, 8 for each of 16 tensors, its attributes. */
const largestRun = 6 + 16 * 8 + 64;
export const maxTensors = 16;
/** Addresses that a replay passes on at most: no more words than `largestRun`. */
export const mostParameters = 128;
const f32Id = codecs.f32.id;

/** Commands on their way to the executor: one array that is filled, flushed and filled again. */
export class CommandBuffer {
  readonly words: Float64Array;
  /** Words in use. */
  length = 0;
  /** Ops among them. */
  ops = 0;
  private readonly bytes: Uint8Array;

  constructor(private readonly capacity: number) {
    this.words = new Float64Array(capacity);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** Whether any op still fits. */
  get hasRoom(): boolean {
    return this.length + largestRun <= this.capacity;
  }

  /** Whether a write or a load that carries so many bytes fits. */
  hasRoomFor(bytes: number): boolean {
    return this.length + 5 + Math.ceil(bytes / 8) + largestRun <= this.capacity;
  }

  clear(): void {
    this.length = 0;
    this.ops = 0;
  }

  run(
    kernel: number,
    mutated: number,
    inputs: readonly (Tensor | undefined)[],
    attributes: readonly number[],
    outputs: readonly Tensor[],
  ): void {
    const words = this.words;
    let at = this.length;
    words[at] = opcode.run;
    words[at + 1] = kernel;
    words[at + 2] = inputs.length;
    words[at + 3] = outputs.length;
    words[at + 4] = attributes.length;
    words[at + 5] = mutated;
    at += 6;
    for (let i = 0; i < inputs.length; i++) at = this.tensor(at, inputs[i]);
    for (let i = 0; i < outputs.length; i++) at = this.tensor(at, outputs[i]);
    for (let i = 0; i < attributes.length; i++) words[at++] = attributes[i]!;
    this.length = at;
    this.ops++;
  }

  write(address: number, bytes: Uint8Array): void {
    const at = this.length;
    this.words[at] = opcode.write;
    this.words[at + 1] = address;
    this.words[at + 2] = bytes.byteLength;
    this.bytes.set(bytes, (at + 3) * 8);
    this.length = at + 3 + Math.ceil(bytes.byteLength / 8);
  }

  /** Bytes `[offset, offset + bytes)` of the file whose path is `path` in UTF-8; needs `hasRoomFor` that. */
  load(address: number, bytes: number, offset: number, path: Uint8Array): void {
    const at = this.length;
    this.words[at] = opcode.load;
    this.words[at + 1] = address;
    this.words[at + 2] = bytes;
    this.words[at + 3] = offset;
    this.words[at + 4] = path.byteLength;
    this.bytes.set(path, (at + 5) * 8);
    this.length = at + 5 + Math.ceil(path.byteLength / 8);
  }

  /** The destination's address is filled in by the addon. */
  read(ticket: number, tensor: Tensor | undefined): void {
    this.words[this.length++] = opcode.read;
    this.words[this.length++] = ticket;
    this.extent(tensor);
    this.words[this.length++] = 0;
  }

  release(address: number, bytes: number): void {
    this.three(opcode.release, address, bytes);
  }

  zero(address: number, bytes: number): void {
    this.three(opcode.zero, address, bytes);
  }

  heal(tensor: Tensor): void {
    this.words[this.length++] = opcode.heal;
    this.extent(tensor);
  }

  fail(kernel: number, skip: number): void {
    this.three(opcode.fail, kernel, skip);
  }

  /** What is run until `programEnd` becomes a program. */
  programBegin(program: number): void {
    this.three(opcode.programBegin, program, 0);
  }

  /** Tensor `tensor` of the program's op number `run` lies `byteOffset` bytes behind the address that is given for `parameter`. */
  programPlace(run: number, tensor: number, parameter: number, byteOffset: number): void {
    this.three(opcode.programPlace, run, tensor);
    this.words[this.length++] = parameter;
    this.words[this.length++] = byteOffset;
  }

  programEnd(): void {
    this.three(opcode.programEnd, 0, 0);
  }

  /** One address for each parameter, at most `mostParameters`. */
  replay(program: number, addresses: readonly number[]): void {
    this.three(opcode.replay, program, addresses.length);
    for (const address of addresses) this.words[this.length++] = address;
  }

  forget(program: number): void {
    this.three(opcode.forget, program, 0);
  }

  private three(code: number, first: number, second: number): void {
    this.words[this.length++] = code;
    this.words[this.length++] = first;
    this.words[this.length++] = second;
  }

  private tensor(at: number, tensor: Tensor | undefined): number {
    const words = this.words;
    if (tensor === undefined) {
      words[at] = 0;
      return at + 8;
    }
    const shape = tensor.shape;
    const rank = shape.length;
    words[at] = addressOf(tensor);
    // Nearly all are; looking the codec up costs more than the rest of this function.
    words[at + 1] = tensor.dtype === "f32" ? f32Id : codecs[tensor.dtype].id;
    words[at + 2] = rank;
    words[at + 3] = tensor.rowStride;
    words[at + 4] = rank > 0 ? shape[0]! : 1;
    words[at + 5] = rank > 1 ? shape[1]! : 1;
    words[at + 6] = rank > 2 ? shape[2]! : 1;
    words[at + 7] = rank > 3 ? shape[3]! : 1;
    return at + 8;
  }

  private extent(tensor: Tensor | undefined): void {
    const { words } = this;
    const size = tensor ? bytesOf(tensor.dtype) : 0;
    words[this.length++] = tensor ? addressOf(tensor) : 0;
    words[this.length++] = tensor ? (tensor.shape[0] ?? 1) : 0;
    words[this.length++] = tensor ? rowElementsOf(tensor.shape) * size : 0;
    words[this.length++] = tensor ? tensor.rowStride * size : 0;
  }
}
