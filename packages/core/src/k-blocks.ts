// `import type` leaves nothing behind at run time: dtypes.ts needs this file while it is loaded.
import type { Codec } from "./dtypes.js";
import { f16ToNumber } from "./half-precision.js";

/** The formats with scales of two levels; block-formats.ts says what their bytes mean. */
export type KBlockDType = "q4_K" | "q6_K";

/** Elements of one of their blocks. */
export const kBlockElements = 256;

/** Where the parts of a block begin, in bytes. */
const q4 = { d: 0, dmin: 2, scales: 4, nibbles: 16 };
const q6 = { low: 0, high: 128, scales: 192, d: 208 };

/**
 * The 6-bit scale and min of a run of 32 elements of the q4_K block at `byte`. Those of the first four runs are the low 6 bits of the bytes 0 to 3 and 4 to 7 of 12; those of the
 * others have their low 4 bits in the nibbles of the bytes 8 to 11 and their upper 2 at the top of the first eight bytes.
 */
function scaleAndMin(view: DataView, byte: number, run: number): readonly [number, number] {
  const at = (i: number) => view.getUint8(byte + q4.scales + i);
  if (run < 4) return [at(run) & 63, at(run + 4) & 63];
  return [(at(run + 4) & 15) | ((at(run - 4) >>> 6) << 4), (at(run + 4) >>> 4) | ((at(run) >>> 6) << 4)];
}

/** d · s and dmin · m of a run of 32 elements of the q4_K block at `byte`, exactly. */
function stepAndOffset(view: DataView, byte: number, run: number): readonly [number, number] {
  const [scale, min] = scaleAndMin(view, byte, run);
  return [
    f16ToNumber(view.getUint16(byte + q4.d, true)) * scale,
    f16ToNumber(view.getUint16(byte + q4.dmin, true)) * min,
  ];
}

/** d · s of a run of 16 elements of the q6_K block at `byte`, exactly. */
function stepOfQ6(view: DataView, byte: number, run: number): number {
  return f16ToNumber(view.getUint16(byte + q6.d, true)) * view.getInt8(byte + q6.scales + run);
}

function codeOfQ4(view: DataView, byte: number, element: number): number {
  const nibbles = view.getUint8(byte + q4.nibbles + 32 * (element >>> 6) + (element & 31));
  return (element & 32) === 0 ? nibbles & 15 : nibbles >>> 4;
}

/** n − 32 */
function codeOfQ6(view: DataView, byte: number, element: number): number {
  const [half, run, lane] = [element >>> 7, (element >>> 5) & 3, element & 31];
  const low = view.getUint8(byte + q6.low + 64 * half + 32 * (run & 1) + lane);
  const high = view.getUint8(byte + q6.high + 32 * half + lane);
  return ((run < 2 ? low & 15 : low >>> 4) | (((high >>> (2 * run)) & 3) << 4)) - 32;
}

export const kBlockCodecs: Readonly<Record<KBlockDType, Omit<Codec, "set">>> = {
  q4_K: {
    id: 8,
    elements: kBlockElements,
    bytes: 144,
    unit: 2 ** -5,
    largest: 65504 * 63 * 16,
    smallestNormal: 2 ** -24,
    get: (v, i, element = 0) => {
      const [step, offset] = stepAndOffset(v, i, element >>> 5);
      return Math.fround(step * codeOfQ4(v, i, element) - offset);
    },
    magnitude: (v, i, element = 0) => {
      const [step, offset] = stepAndOffset(v, i, element >>> 5);
      return Math.abs(step) * codeOfQ4(v, i, element) + Math.abs(offset);
    },
  },
  q6_K: {
    id: 9,
    elements: kBlockElements,
    bytes: 210,
    unit: 2 ** -6,
    largest: 65504 * 128 * 32,
    smallestNormal: 2 ** -24,
    get: (v, i, element = 0) => stepOfQ6(v, i, element >>> 4) * codeOfQ6(v, i, element),
  },
};

/** The 256 elements of the block at `byte`. */
export function decodeBlockQ4K(view: DataView, byte: number, values: Float32Array, from: number): void {
  for (let run = 0; run < 8; run++) {
    const [step, offset] = stepAndOffset(view, byte, run);
    for (let i = 32 * run; i < 32 * run + 32; i++) values[from + i] = step * codeOfQ4(view, byte, i) - offset;
  }
}

/** The 256 elements of the block at `byte`. */
export function decodeBlockQ6K(view: DataView, byte: number, values: Float32Array, from: number): void {
  for (let run = 0; run < 16; run++) {
    const step = stepOfQ6(view, byte, run);
    for (let i = 16 * run; i < 16 * run + 16; i++) values[from + i] = step * codeOfQ6(view, byte, i);
  }
}
