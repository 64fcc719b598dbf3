import { blockCodecs } from "./block-formats.js";
import { f16ToNumber, numberToF16 } from "./half-precision.js";
import { kBlockElements } from "./k-blocks.js";

// Every step in f32, in the order in which ggml takes them: the result is a search's, where the last bit decides.
const f32 = Math.fround;

/** The nearest integer, ties to even, of a number below 2⁵⁰. */
function nearest(x: number): number {
  return x + 0x18000000000000 - 0x18000000000000;
}

function clamp(x: number, least: number, most: number): number {
  return x < least ? least : x > most ? most : x;
}

/** Codes of a run as they are searched, and the best so far. */
const trial = new Uint8Array(32);
const importance = new Float32Array(32);
const scales = new Float32Array(16);
const mins = new Float32Array(8);
const best = new Uint8Array(kBlockElements);

function isFiniteBlock(x: Float32Array, from: number): boolean {
  for (let i = from; i < from + kBlockElements; i++) if (!Number.isFinite(x[i]!)) return false;
  return true;
}

/**
 * One block of q4_K, as ggml's `quantize_row_q4_K_ref` makes it: for each run of 32 the scale and the min (not above 0) with the least error weighted by √(mean x²) + |x|, found by
 * trying 21 steps around (max − min) / 15 with a least-squares fit for each; then these in 6 bits beside the block's largest, and each element's code anew.
 */
export function quantiseBlockQ4K(x: Float32Array, from: number, bytes: Uint8Array, byte: number): void {
  if (!isFiniteBlock(x, from)) return fillWithNaN(bytes, byte, [0, 2]);
  let [maxScale, maxMin] = [0, 0];
  for (let run = 0; run < 8; run++) {
    weigh(x, from + 32 * run);
    scales[run] = fitRun(x, from + 32 * run, 32 * run, run);
    maxScale = Math.max(maxScale, scales[run]!);
    maxMin = Math.max(maxMin, mins[run]!);
  }
  const inverseScale = maxScale > 0 ? f32(63 / maxScale) : 0;
  const inverseMin = maxMin > 0 ? f32(63 / maxMin) : 0;
  const [d, dmin] = [numberToF16(f32(maxScale / 63)), numberToF16(f32(maxMin / 63))];
  const header = new DataView(bytes.buffer, bytes.byteOffset + byte, 16);
  header.setUint16(0, d, true);
  header.setUint16(2, dmin, true);
  for (let run = 0; run < 8; run++) {
    const scale = Math.min(63, nearest(f32(inverseScale * scales[run]!)));
    const min = Math.min(63, nearest(f32(inverseMin * mins[run]!)));
    packScale(bytes, byte + 4, run, scale, min);
    const step = f32(f16ToNumber(d) * scale);
    if (step === 0) continue; // the codes of the search, which then mean nothing
    const offset = f32(f16ToNumber(dmin) * min);
    for (let i = 32 * run; i < 32 * run + 32; i++)
      best[i] = clamp(nearest(f32(f32(x[from + i]! + offset) / step)), 0, 15);
  }
  for (let pair = 0; pair < 4; pair++) {
    for (let lane = 0; lane < 32; lane++)
      bytes[byte + 16 + 32 * pair + lane] = best[64 * pair + lane]! | (best[64 * pair + 32 + lane]! << 4);
  }
}

/** What an error in each element of a run of 32 weighs. */
function weigh(x: Float32Array, from: number): void {
  let squares = 0;
  for (let i = 0; i < 32; i++) squares = f32(squares + f32(x[from + i]! * x[from + i]!));
  const size = f32(Math.sqrt(f32(squares / 32)));
  for (let i = 0; i < 32; i++) importance[i] = size + Math.abs(x[from + i]!);
}

/** Finds the scale of a run of 32, which it gives, its min, and its codes. */
function fitRun(x: Float32Array, from: number, to: number, run: number): number {
  let [least, most, sumW, sumX] = [x[from]!, x[from]!, importance[0]!, f32(importance[0]! * x[from]!)];
  for (let i = 1; i < 32; i++) {
    const value = x[from + i]!;
    const w = importance[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
    sumW = f32(sumW + w);
    sumX = f32(sumX + f32(w * value));
  }
  if (least > 0) least = 0;
  if (most === least) {
    best.fill(0, to, to + 32);
    mins[run] = -least;
    return 0;
  }
  const plain = f32(15 / f32(most - least));
  let [scale, min] = [f32(1 / plain), least];
  for (let i = 0; i < 32; i++) trial[i] = clamp(nearest(f32(plain * f32(x[from + i]! - min))), 0, 15);
  best.set(trial, to);
  let bestError = errorOfRun(x, from, scale, min);
  for (let step = 0; step <= 20; step++) {
    // The best min so far counts here too, as it does in ggml.
    const inverse = f32(f32(f32(-1 + f32(f32(0.1) * step)) + 15) / f32(most - min));
    let [sumL, sumL2, sumXL] = [0, 0, 0];
    for (let i = 0; i < 32; i++) {
      const value = x[from + i]!;
      const code = clamp(nearest(f32(inverse * f32(value - min))), 0, 15);
      trial[i] = code;
      const weighted = f32(importance[i]! * code);
      sumL = f32(sumL + weighted);
      sumL2 = f32(sumL2 + f32(weighted * code));
      sumXL = f32(sumXL + f32(weighted * value));
    }
    const determinant = f32(f32(sumW * sumL2) - f32(sumL * sumL));
    if (!(determinant > 0)) continue;
    let fitted = f32(f32(f32(sumW * sumXL) - f32(sumX * sumL)) / determinant);
    let fittedMin = f32(f32(f32(sumL2 * sumX) - f32(sumL * sumXL)) / determinant);
    if (fittedMin > 0) {
      fittedMin = 0;
      fitted = f32(sumXL / sumL2);
    }
    const error = errorOfRun(x, from, fitted, fittedMin);
    if (error < bestError) {
      best.set(trial, to);
      [bestError, scale, min] = [error, fitted, fittedMin];
    }
  }
  mins[run] = -min;
  return scale;
}

function errorOfRun(x: Float32Array, from: number, scale: number, min: number): number {
  let error = 0;
  for (let i = 0; i < 32; i++) {
    const difference = f32(f32(f32(scale * trial[i]!) + min) - x[from + i]!);
    error = f32(error + f32(importance[i]! * f32(difference * difference)));
  }
  return error;
}

/** The inverse of `scaleAndMin` in k-blocks.ts; runs come in order. */
function packScale(bytes: Uint8Array, byte: number, run: number, scale: number, min: number): void {
  if (run < 4) {
    bytes[byte + run] = scale;
    bytes[byte + run + 4] = min;
  } else {
    bytes[byte + run + 4] = (scale & 15) | ((min & 15) << 4);
    bytes[byte + run - 4]! |= (scale >>> 4) << 6;
    bytes[byte + run]! |= (min >>> 4) << 6;
  }
}

/** Below this a run of q6_K counts as zeros. */
const negligible = f32(1e-15);

/**
 * One block of q6_K, as ggml's `quantize_row_q6_K_ref` makes it: for each run of 16 the scale with the least error weighted by x², found by trying 19 steps around max|x| / 32 with a
 * least-squares fit for each; then these in 8 bits beside the block's largest, and each element's code anew.
 */
export function quantiseBlockQ6K(x: Float32Array, from: number, bytes: Uint8Array, byte: number): void {
  if (!isFiniteBlock(x, from)) return fillWithNaN(bytes, byte, [208]);
  let largest = 0;
  for (let run = 0; run < 16; run++) {
    const scale = fitRunQ6(x, from + 16 * run, 16 * run);
    scales[run] = scale;
    if (Math.abs(scale) > Math.abs(largest)) largest = scale;
  }
  if (Math.abs(largest) < negligible) return; // all zeros
  const inverse = f32(-128 / largest);
  const d = numberToF16(f32(1 / inverse));
  const view = new DataView(bytes.buffer, bytes.byteOffset + byte, blockCodecs.q6_K.bytes);
  view.setUint16(208, d, true);
  for (let run = 0; run < 16; run++) {
    const scale = Math.min(127, nearest(f32(inverse * scales[run]!)));
    view.setInt8(192 + run, scale);
    const step = f32(f16ToNumber(d) * scale);
    if (step === 0) continue; // the codes of the search, which then mean nothing
    for (let i = 16 * run; i < 16 * run + 16; i++) best[i] = clamp(nearest(f32(x[from + i]! / step)), -32, 31) + 32;
  }
  for (let half = 0; half < 2; half++) {
    for (let lane = 0; lane < 32; lane++) {
      const [a, b, c, e] = [0, 32, 64, 96].map((run) => best[128 * half + run + lane]!) as [
        number,
        number,
        number,
        number,
      ];
      bytes[byte + 64 * half + lane] = (a & 15) | ((c & 15) << 4);
      bytes[byte + 64 * half + 32 + lane] = (b & 15) | ((e & 15) << 4);
      bytes[byte + 128 + 32 * half + lane] = (a >>> 4) | ((b >>> 4) << 2) | ((c >>> 4) << 4) | ((e >>> 4) << 6);
    }
  }
}

/** Finds the scale of a run of 16, which it gives, and its codes. */
function fitRunQ6(x: Float32Array, from: number, to: number): number {
  let extreme = 0;
  for (let i = from; i < from + 16; i++) if (Math.abs(x[i]!) > Math.abs(extreme)) extreme = x[i]!;
  if (Math.abs(extreme) < negligible) {
    best.fill(0, to, to + 16);
    return 0;
  }
  let inverse = f32(-32 / extreme);
  let [sumXL, sumL2] = fitQ6(x, from, inverse);
  let scale = sumL2 ? f32(sumXL / sumL2) : 0;
  let gain = f32(scale * sumXL);
  let chosen = inverse;
  for (let step = -9; step <= 9; step++) {
    if (step === 0) continue;
    inverse = f32(-f32(32 + f32(f32(0.1) * step)) / extreme);
    [sumXL, sumL2] = fitQ6(x, from, inverse);
    if (sumL2 > 0 && f32(sumXL * sumXL) > f32(gain * sumL2)) {
      chosen = inverse;
      scale = f32(sumXL / sumL2);
      gain = f32(scale * sumXL);
    }
  }
  for (let i = 0; i < 16; i++) best[to + i] = clamp(nearest(f32(chosen * x[from + i]!)), -32, 31) + 32;
  return scale;
}

/** Σ x² · x · code and Σ x² · code². */
function fitQ6(x: Float32Array, from: number, inverse: number): [number, number] {
  let [sumXL, sumL2] = [0, 0];
  for (let i = from; i < from + 16; i++) {
    const value = x[i]!;
    const code = clamp(nearest(f32(inverse * value)), -32, 31);
    const w = f32(value * value);
    sumXL = f32(sumXL + f32(f32(w * value) * code));
    sumL2 = f32(sumL2 + f32(f32(w * code) * code));
  }
  return [sumXL, sumL2];
}

/** Zeros, but for the f16 numbers at these places. */
function fillWithNaN(bytes: Uint8Array, byte: number, places: readonly number[]): void {
  const nan = numberToF16(NaN);
  for (const place of places) {
    bytes[byte + place] = nan & 0xff;
    bytes[byte + place + 1] = nan >>> 8;
  }
}
