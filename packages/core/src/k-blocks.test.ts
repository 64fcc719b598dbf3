import { expect, test } from "vitest";
import { blockCodecs } from "./block-formats.js";
import { decode } from "./dtypes.js";
import { kBlockElements, type KBlockDType } from "./k-blocks.js";
import { quantise } from "./quantise.js";

/** Any bytes are blocks; those of a scale that is not finite would say little. */
function anyBlocks(dtype: KBlockDType, count: number): Uint8Array {
  const { bytes: size } = blockCodecs[dtype];
  let state = 12345;
  const bytes = Uint8Array.from({ length: count * size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
  for (const place of dtype === "q4_K" ? [1, 3] : [209]) {
    for (let block = 0; block < count; block++) bytes[block * size + place]! &= 0xbf;
  }
  return bytes;
}

test.each(["q4_K", "q6_K"] as const)(
  "%s: the codec gives one by one what decoding gives, whatever the bytes",
  (dtype) => {
    const codec = blockCodecs[dtype];
    const bytes = anyBlocks(dtype, 20);
    const view = new DataView(bytes.buffer);
    const decoded = decode(dtype, bytes);
    expect(new Set(decoded).size).toBeGreaterThan(2000);
    decoded.forEach((value, i) => {
      const one = codec.get(view, Math.floor(i / kBlockElements) * codec.bytes, i % kBlockElements);
      if (!Object.is(one, value)) expect.fail(`element ${i} is ${one}, but ${value} among others`);
    });
  },
);

test("a q4_K block by hand: scales of 6 bits, both nibbles, a min that is taken off", () => {
  const bytes = new Uint8Array(144);
  bytes.set([0x00, 0x3c, 0x00, 0x38]); // d = 1, dmin = 0.5
  bytes.set([0x85, 0, 0, 0, 0x47, 0, 0, 0, 0x9a, 0, 0, 0], 4); // run 0: s 5, m 7; run 4: s 2 · 16 + 10, m 1 · 16 + 9
  bytes[16] = 0xc3; // elements 0 and 32
  bytes[16 + 64] = 0x2b; // elements 128 and 160
  const decoded = decode("q4_K", bytes);
  expect([decoded[0], decoded[1]]).toEqual([5 * 3 - 3.5, -3.5]);
  expect(decoded[32]).toBe(0); // run 1 has the scale 0
  expect([decoded[128], decoded[129]]).toEqual([42 * 11 - 12.5, -12.5]);
});

test("a q6_K block by hand: four low bits, two upper ones, a signed scale for 16", () => {
  const bytes = new Uint8Array(210);
  bytes.set([0x00, 0x38], 208); // d = 0.5
  bytes.set([3, -2 & 255], 192 + 10); // runs 10 and 11: elements 160 to 191, whose codes are low nibbles of the bytes 96 to 127
  bytes[96 + 5] = 0xd9;
  bytes[128 + 32 + 5] = 0b11_10_01_00;
  const decoded = decode("q6_K", bytes);
  expect(decoded[165]).toBe(0.5 * 3 * (16 + 9 - 32));
  expect(decoded[164]).toBe(0.5 * 3 * -32);
  expect(decoded[181]).toBe(0.5 * -2 * -32);
  expect(decoded[5]).toBeCloseTo(0); // a scale of 0: a zero of either sign
});

test("the elements of q6_K are f32 numbers exactly", () => {
  const bytes = anyBlocks("q6_K", 200);
  const codec = blockCodecs.q6_K;
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < 200; block++) {
    for (let i = 0; i < kBlockElements; i++) {
      const exact = codec.get(view, block * codec.bytes, i); // in float64
      if (Math.fround(exact) !== exact) expect.fail(`${exact} is no f32 number`);
    }
  }
});

/** What takes no search: q4_K with the range of each run, q6_K with its largest, their scales exact. */
function plainError(dtype: KBlockDType, x: Float32Array): number {
  const run = dtype === "q4_K" ? 32 : 16;
  let error = 0;
  for (let from = 0; from < x.length; from += run) {
    const some = x.subarray(from, from + run);
    const least = dtype === "q4_K" ? Math.min(0, ...some) : 0;
    const step = dtype === "q4_K" ? (Math.max(...some) - least) / 15 : Math.max(...some.map(Math.abs)) / 31;
    for (const value of some) error += (value - (step * Math.round((value - least) / step) + least)) ** 2;
  }
  return error;
}

test.each([
  ["q4_K", 0.97],
  ["q6_K", 1],
] as const)(
  "%s: the search leaves less error than the plain way does, though its scales have few bits",
  (dtype, share) => {
    let state = 99;
    const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const x = Float32Array.from(
      { length: 40 * kBlockElements },
      () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform()),
    );
    const decoded = decode(dtype, quantise(x, dtype));
    const error = x.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0);
    expect(error / plainError(dtype, x)).toBeLessThan(share);
  },
);
