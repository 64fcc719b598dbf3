import { expect, it } from "vitest";
import { convertInSlices } from "./convert-in-slices.js";

/** Two bytes for each block of three. */
const convert = Object.assign(
  (stored: Uint8Array) => {
    expect(stored.length % 3).toBe(0);
    return Uint8Array.from({ length: (stored.length / 3) * 2 }, (_, i) => stored[3 * (i >> 1) + (i % 2)]!);
  },
  { exact: false, blockBytes: 3 },
);

it.each([0, 1, 50_000, 100_001])("gives what one call does, of %i blocks, and lets others run", async (blocks) => {
  const stored = Uint8Array.from({ length: 3 * blocks }, (_, i) => i * 7);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const converted = await convertInSlices(convert, stored);
  clearInterval(timer);
  expect(Buffer.compare(converted, convert(stored))).toBe(0);
  if (blocks > 50_000) expect(turns).toBeGreaterThan(0);
});
