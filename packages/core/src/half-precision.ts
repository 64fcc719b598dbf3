// Conversion of 16-bit floats, in both directions and by their bits.

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

/** `numberToF16` of the f32 number with these bits: what whole tensors are converted by, without a detour over float64. */
export function f32BitsToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const shifted = magnitude - 0x38000000;
    return sign | ((shifted + 0xfff + ((shifted >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign;
  // Below 2⁻¹⁴: whole multiples of 2⁻²⁴.
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23);
  const [kept, rest, half] = [significand >>> shift, significand & ((1 << shift) - 1), 1 << (shift - 1)];
  return sign | (rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
