import { blockCodecs, type BlockDType, decodeBlocks, isBlockDType } from "./block-formats.js";
import { bf16ToNumber, f16ToNumber, f32BitsToF16, numberToBf16, numberToF16 } from "./half-precision.js";
import { quantise } from "./quantise.js";

/** Element types of tensors; tensors of the block formats are weights. Sums are f32 whatever the weight's dtype. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "i8" | "u8" | BlockDType;

/** What the activations of a model may be, the widest first. */
export type ActivationDType = "f32" | "bf16" | "f16";
export const activationDTypes: readonly ActivationDType[] = ["f32", "bf16", "f16"];

/** What `Tensor.read()` gives: 16-bit floats and blocks arrive decoded (exactly) in a `Float32Array`. */
export type HostArray = Float32Array | Int32Array | Int8Array | Uint8Array;

/** Reads and writes one element of a dtype as a JavaScript number. */
export interface Codec {
  /** Of one element, or of one block. */
  readonly bytes: number;
  /** Elements that are stored together, along a row: 1, or a block's. */
  readonly elements: number;
  /** Unit roundoff u; 0 for integers. */
  readonly unit: number;
  /** The largest finite number. */
  readonly largest: number;
  /** The smallest positive number of full precision; 1 for integers. */
  readonly smallestNormal: number;
  /** The number a native device knows this dtype by. Never reuse one. */
  readonly id: number;
  /** The element at `byte`, or that of the block at `byte`. */
  get(view: DataView, byte: number, element?: number): number;
  /** |terms| that add up to the element, where it has more than one. Default: the element's own. */
  readonly magnitude?: (view: DataView, byte: number, element?: number) => number;
  /** @throws ArgumentError for blocks: their elements share a scale. */
  set(view: DataView, byte: number, value: number): void;
}

const integer = { elements: 1, unit: 0, smallestNormal: 1 };

export const codecs: Record<DType, Codec> = {
  f32: {
    id: 0,
    bytes: 4,
    elements: 1,
    unit: 2 ** -24,
    largest: (2 - 2 ** -23) * 2 ** 127,
    smallestNormal: 2 ** -126,
    get: (v, i) => v.getFloat32(i, true),
    set: (v, i, x) => v.setFloat32(i, x, true),
  },
  f16: {
    id: 1,
    bytes: 2,
    elements: 1,
    unit: 2 ** -11,
    largest: 65504,
    smallestNormal: 2 ** -14,
    get: (v, i) => f16ToNumber(v.getUint16(i, true)),
    set: (v, i, x) => v.setUint16(i, numberToF16(x), true),
  },
  bf16: {
    id: 2,
    bytes: 2,
    elements: 1,
    unit: 2 ** -8,
    largest: (2 - 2 ** -7) * 2 ** 127,
    smallestNormal: 2 ** -126,
    get: (v, i) => bf16ToNumber(v.getUint16(i, true)),
    set: (v, i, x) => v.setUint16(i, numberToBf16(x), true),
  },
  i32: {
    ...integer,
    id: 3,
    bytes: 4,
    largest: 2 ** 31 - 1,
    get: (v, i) => v.getInt32(i, true),
    set: (v, i, x) => v.setInt32(i, x, true),
  },
  i8: { ...integer, id: 4, bytes: 1, largest: 127, get: (v, i) => v.getInt8(i), set: (v, i, x) => v.setInt8(i, x) },
  u8: { ...integer, id: 5, bytes: 1, largest: 255, get: (v, i) => v.getUint8(i), set: (v, i, x) => v.setUint8(i, x) },
  ...blockCodecs,
};

/** The dtype that a native device knows by `id`, if there is one. */
export function dtypeOfId(id: number): DType | undefined {
  return (Object.keys(codecs) as DType[]).find((dtype) => codecs[dtype].id === id);
}

/**
 * Bytes of one element; for blocks their share of a block, a fraction whose products with whole rows are exact. A switch, as every op that is recorded asks: looking the
 * codec up costs ten times as much.
 */
export function bytesOf(dtype: DType): number {
  switch (dtype) {
    case "f32":
    case "i32":
      return 4;
    case "f16":
    case "bf16":
      return 2;
    case "i8":
    case "u8":
      return 1;
    case "q8_0":
      return 34 / 32;
    case "q4_0":
      return 18 / 32;
    case "q4_K":
      return 144 / 256;
    case "q6_K":
      return 210 / 256;
  }
}

/** What the address of a tensor must be a multiple of. */
export function alignmentOf(dtype: DType): number {
  return isBlockDType(dtype) ? 2 : bytesOf(dtype);
}

/** Decodes dense little-endian elements into the array that a reader expects. */
export function decode(dtype: DType, bytes: Uint8Array): HostArray {
  const count = bytes.byteLength / bytesOf(dtype);
  if (dtype === "f16" || dtype === "bf16" || isBlockDType(dtype)) return decodeFloats(dtype, bytes, count);
  const aligned = bytes.byteOffset % bytesOf(dtype) === 0 ? bytes : bytes.slice();
  const TypedArray = { f32: Float32Array, i32: Int32Array, i8: Int8Array, u8: Uint8Array }[dtype];
  return new TypedArray(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
}

function decodeFloats(dtype: "f16" | "bf16" | BlockDType, bytes: Uint8Array, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  if (dtype === "bf16") {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < count; i++) bits[i] = view.getUint16(2 * i, true) << 16;
    return values;
  }
  if (isBlockDType(dtype)) {
    decodeBlocks(dtype, bytes, values);
    return values;
  }
  for (let i = 0; i < count; i++) values[i] = f16ToNumber(view.getUint16(2 * i, true));
  return values;
}

/** Encodes numbers as dense little-endian elements of a dtype: rounded to it, or quantised (see `quantise`). */
export function encode(dtype: DType, values: ArrayLike<number>): Uint8Array {
  if (isBlockDType(dtype)) return quantise(values, dtype);
  const size = bytesOf(dtype);
  if (dtype === "f32" && values instanceof Float32Array)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === "i32" && values instanceof Int32Array)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(values.length * size);
  if (dtype === "f16" && values instanceof Float32Array) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const halves = new Uint16Array(bytes.buffer);
    for (let i = 0; i < bits.length; i++) halves[i] = f32BitsToF16(bits[i]!);
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) codecs[dtype].set(view, i * size, values[i]!);
  return bytes;
}
