import { type AnyOp } from "../define-op.js";
import { type DType } from "../dtypes.js";
import { ArgumentError } from "../errors.js";
import { type Shape } from "../shape.js";
import { type LinearFormat } from "./weight.js";

/** Elements as stored, dense and row-major, in JavaScript's memory. */
export interface HostPart {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

/** What kept elements are stored as: as they were, or 8-bit codes, of which those of 64 columns share a scale. */
export type KeptDType = "f32" | "f16" | "bf16" | "i8";

/** A format that stores what is not zero. Zeros come back as +0, whatever their sign was. */
export interface SparseFormat extends LinearFormat {
  /** What computes products with such weights. */
  readonly op: AnyOp;
  /** Its parts, those first whose elements are the largest; `scales` only where values are i8. */
  readonly partNames: readonly string[];
  /** Parts that are read whole on the host before anything is computed with them: what says where elements lie. */
  readonly layoutNames: readonly string[];
  /** Why a matrix cannot be stored so, if it cannot. */
  misfit(matrix: HostPart): string | undefined;
  /** @throws ArgumentError for a misfit. */
  pack(matrix: HostPart): Readonly<Record<string, HostPart>>;
  /** The matrix: its elements are those that were packed, bit for bit, or i8 codes without their scales. */
  unpack(parts: Readonly<Record<string, HostPart>>, shape: Shape): HostPart;
  /** What is wrong with dtypes, shapes or content of the parts of a `shape` matrix, if anything. Parts may come without bytes: their content is then not looked at. */
  complaint(parts: Readonly<Record<string, PartOf>>, shape: Shape): string | undefined;
}

/** A part whose content may be elsewhere. */
export interface PartOf {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes?: Uint8Array | undefined;
}

/** Stored elements as unsigned numbers, and the bits that are not the sign's: an element is zero if it has none of them. */
export function bitsOf({ dtype, bytes }: HostPart): {
  bits: Uint8Array | Uint16Array | Uint32Array;
  magnitude: number;
} {
  const size = { f32: 4, f16: 2, bf16: 2, i8: 1 }[dtype as string];
  if (size === undefined) throw new ArgumentError(`sparse weights are made of f32, f16 or bf16, not of ${dtype}`);
  if (size === 1) return { bits: bytes, magnitude: 0xff };
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return size === 4
    ? { bits: new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4), magnitude: 0x7fffffff }
    : { bits: new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2), magnitude: 0x7fff };
}

/** As many elements, all zero. */
export function zerosLike<T extends Uint8Array | Uint16Array | Uint32Array>(bits: T, count: number): T {
  return new (bits.constructor as new (count: number) => T)(count);
}

export function bytesOfArray(array: Uint8Array | Uint16Array | Uint32Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
