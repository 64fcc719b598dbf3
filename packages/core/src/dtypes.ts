/** Element types of tensors. Sums are f32 whatever the weight's dtype. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "i8" | "u8";

/** What the activations of a model may be, the widest first. */
export type ActivationDType = "f32" | "bf16" | "f16";
export const activationDTypes: readonly ActivationDType[] = ["f32", "bf16", "f16"];

/** What `Tensor.read()` gives: 16-bit floats arrive decoded (exactly) in a `Float32Array`. */
export type HostArray = Float32Array | Int32Array | Int8Array | Uint8Array;

/** Reads and writes one element of a dtype as a JavaScript number. */
export interface Codec {
  readonly bytes: number;
  /** Unit roundoff u; 0 for integers. */
  readonly unit: number;
  /** The largest finite number. */
  readonly largest: number;
  /** The smallest positive number of full precision; 1 for integers. */
  readonly smallestNormal: number;
  /** The number a native device knows this dtype by. Never reuse one. */
  readonly id: number;
  get(view: DataView, byte: number): number;
  set(view: DataView, byte: number, value: number): void;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The number whose bfloat16 bits are `bits`. Exact. */
export function bf16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** The nearest bfloat16 of a number as bits; ties to even, NaN stays NaN. */
export function numberToBf16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  // Rounding float64 → float32 → bfloat16 would round twice; a sticky bit keeps it one rounding.
  scratch.setFloat32(0, value);
  let bits = scratch.getUint32(0);
  const stored = scratch.getFloat32(0);
  if (stored !== value && Number.isFinite(stored)) {
    if (Math.abs(stored) > Math.abs(value)) bits -= 1;
    bits |= 1;
  }
  const rounded = bits + 0x7fff + ((bits >>> 16) & 1);
  return (rounded >>> 16) & 0xffff;
}

/** The number whose IEEE half-precision bits are `bits`. Exact. */
export function f16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest half-precision number as bits; ties to even, overflow to infinity, NaN stays NaN. */
export function numberToF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24);
  scratch.setFloat64(0, magnitude);
  const exponent = ((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023;
  const fraction = roundHalfEven((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const integer = { unit: 0, smallestNormal: 1 };

export const codecs: Record<DType, Codec> = {
  f32: {
    id: 0,
    bytes: 4,
    unit: 2 ** -24,
    largest: (2 - 2 ** -23) * 2 ** 127,
    smallestNormal: 2 ** -126,
    get: (v, i) => v.getFloat32(i, true),
    set: (v, i, x) => v.setFloat32(i, x, true),
  },
  f16: {
    id: 1,
    bytes: 2,
    unit: 2 ** -11,
    largest: 65504,
    smallestNormal: 2 ** -14,
    get: (v, i) => f16ToNumber(v.getUint16(i, true)),
    set: (v, i, x) => v.setUint16(i, numberToF16(x), true),
  },
  bf16: {
    id: 2,
    bytes: 2,
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
};

/** The dtype that a native device knows by `id`, if there is one. */
export function dtypeOfId(id: number): DType | undefined {
  return (Object.keys(codecs) as DType[]).find((dtype) => codecs[dtype].id === id);
}

/** Bytes of one element. A switch, as every op that is recorded asks: looking the codec up costs ten times as much. */
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
  }
}

/** Decodes dense little-endian elements into the array that a reader expects. */
export function decode(dtype: DType, bytes: Uint8Array): HostArray {
  const count = bytes.byteLength / bytesOf(dtype);
  if (dtype === "f16" || dtype === "bf16") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Float32Array.from({ length: count }, (_, i) => codecs[dtype].get(view, i * 2));
  }
  const aligned = bytes.byteOffset % bytesOf(dtype) === 0 ? bytes : bytes.slice();
  const TypedArray = { f32: Float32Array, i32: Int32Array, i8: Int8Array, u8: Uint8Array }[dtype];
  return new TypedArray(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
}

/** Encodes numbers as dense little-endian elements of a dtype. */
export function encode(dtype: DType, values: ArrayLike<number>): Uint8Array {
  const size = bytesOf(dtype);
  if (dtype === "f32" && values instanceof Float32Array)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === "i32" && values instanceof Int32Array)
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) codecs[dtype].set(view, i * size, values[i]!);
  return bytes;
}
