import { f16ToNumber } from "@whittle/core";

/**
 * The elements of the block at `byte`, as f32 numbers to the bit what ggml makes of them: products are exact, and a sum with an offset is rounded once.
 * Source: the layouts in ggml's `ggml-common.h`, and `dequantize_row_*` of its `ggml-quants.c`.
 */
export type BlockDecoder = (view: DataView, byte: number, values: Float32Array, from: number) => void;

/** What the codes of iq4_nl and iq4_xs stand for (ggml's `kvalues_iq4nl`). */
export const iq4Values: readonly number[] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

const half = (view: DataView, byte: number): number => f16ToNumber(view.getUint16(byte, true));

/** 32 elements in 20 bytes: d, m, and 16 bytes of nibbles n, the low ones first; d · n + m. */
export const decodeQ41: BlockDecoder = (view, byte, values, from) => {
  const [d, m] = [half(view, byte), half(view, byte + 2)];
  for (let i = 0; i < 16; i++) {
    const nibbles = view.getUint8(byte + 4 + i);
    values[from + i] = d * (nibbles & 15) + m;
    values[from + i + 16] = d * (nibbles >>> 4) + m;
  }
};

/** 32 elements in 24 bytes: d, m, the codes' fifth bits (a little-endian word, element i at bit i), nibbles as in q4_1; d · n + m. */
export const decodeQ51: BlockDecoder = (view, byte, values, from) => {
  const [d, m, fifth] = [half(view, byte), half(view, byte + 2), view.getUint32(byte + 4, true)];
  for (let i = 0; i < 16; i++) {
    const nibbles = view.getUint8(byte + 8 + i);
    values[from + i] = d * ((nibbles & 15) | (((fifth >>> i) & 1) << 4)) + m;
    values[from + i + 16] = d * ((nibbles >>> 4) | (((fifth >>> (i + 16)) & 1) << 4)) + m;
  }
};

/**
 * 256 elements in 84 bytes: 16 bytes with a scale s (low nibble) and a min m (high nibble) for each 16 elements, 64 bytes of 2-bit codes n, d, dmin. Each 32 bytes of codes have 128
 * elements: the lowest two bits the first 32, and so on. d · s · n − dmin · m.
 */
export const decodeQ2K: BlockDecoder = (view, byte, values, from) => {
  const [d, dmin] = [half(view, byte + 80), half(view, byte + 82)];
  for (let run = 0; run < 16; run++) {
    const scales = view.getUint8(byte + run);
    const [step, offset] = [d * (scales & 15), dmin * (scales >>> 4)];
    const codes = byte + 16 + 32 * (run >>> 3) + 16 * (run & 1);
    const shift = run & 6;
    for (let i = 0; i < 16; i++)
      values[from + 16 * run + i] = step * ((view.getUint8(codes + i) >>> shift) & 3) - offset;
  }
};

/**
 * 256 elements in 110 bytes: 32 bytes with the codes' third bits (element 32 · b + i at bit b of byte i), 64 bytes with their low two as in q2_K, 12 bytes with a scale s of 6 bits
 * for each 16 elements (the low nibbles of the first 8 bytes, their high ones; the upper two bits in the last 4 bytes, run r at bits 2 · ⌊r/4⌋ of byte r mod 4), d.
 * d · (s − 32) · (n − 4).
 */
export const decodeQ3K: BlockDecoder = (view, byte, values, from) => {
  const d = half(view, byte + 108);
  for (let run = 0; run < 16; run++) {
    const low = view.getUint8(byte + 96 + (run & 7));
    const upper = (view.getUint8(byte + 104 + (run & 3)) >>> (2 * (run >>> 2))) & 3;
    const step = d * (((run < 8 ? low & 15 : low >>> 4) | (upper << 4)) - 32);
    const codes = byte + 32 + 32 * (run >>> 3) + 16 * (run & 1);
    const [shift, bit] = [run & 6, run >>> 1];
    for (let i = 0; i < 16; i++) {
      const third = (view.getUint8(byte + 16 * (run & 1) + i) >>> bit) & 1;
      values[from + 16 * run + i] = step * (((view.getUint8(codes + i) >>> shift) & 3) + 4 * third - 4);
    }
  }
};

/**
 * 256 elements in 176 bytes: q4_K with 32 bytes between its scales and its nibbles that have the codes' fifth bits, run r of 32 elements at bit r. d · s · n − dmin · m.
 */
export const decodeQ5K: BlockDecoder = (view, byte, values, from) => {
  const [d, dmin] = [half(view, byte), half(view, byte + 2)];
  const scale = (i: number) => view.getUint8(byte + 4 + i);
  for (let run = 0; run < 8; run++) {
    const s = run < 4 ? scale(run) & 63 : (scale(run + 4) & 15) | ((scale(run - 4) >>> 6) << 4);
    const m = run < 4 ? scale(run + 4) & 63 : (scale(run + 4) >>> 4) | ((scale(run) >>> 6) << 4);
    const [step, offset] = [d * s, dmin * m];
    const codes = byte + 48 + 32 * (run >>> 1);
    const shift = 4 * (run & 1);
    for (let i = 0; i < 32; i++) {
      const code = ((view.getUint8(codes + i) >>> shift) & 15) | (((view.getUint8(byte + 16 + i) >>> run) & 1) << 4);
      values[from + 32 * run + i] = step * code - offset;
    }
  }
};

/**
 * 256 elements in 136 bytes: d, a word with the upper two bits of the scales s of each 32 elements, 4 bytes with their low four, 128 bytes of nibbles as in iq4_nl.
 * d · (s − 32) · `iq4Values[n]`.
 */
export const decodeIq4Xs: BlockDecoder = (view, byte, values, from) => {
  const [d, upper] = [half(view, byte), view.getUint16(byte + 2, true)];
  for (let run = 0; run < 8; run++) {
    const low = (view.getUint8(byte + 4 + (run >>> 1)) >>> (4 * (run & 1))) & 15;
    const step = d * ((low | (((upper >>> (2 * run)) & 3) << 4)) - 32);
    for (let i = 0; i < 16; i++) {
      const nibbles = view.getUint8(byte + 8 + 16 * run + i);
      values[from + 32 * run + i] = step * iq4Values[nibbles & 15]!;
      values[from + 32 * run + i + 16] = step * iq4Values[nibbles >>> 4]!;
    }
  }
};
