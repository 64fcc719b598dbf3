import { setImmediate } from "node:timers/promises";
import { type Conversion } from "./weights.js";

/** Stored bytes between two turns of the event loop: some milliseconds of the slowest conversion. */
const sliceBytes = 2 ** 17;

/** All of a tensor, a slice at a time: the event loop turns after each. */
export async function convertInSlices(convert: Conversion, stored: Uint8Array): Promise<Uint8Array> {
  const step = Math.max(1, Math.floor(sliceBytes / convert.blockBytes)) * convert.blockBytes;
  let converted: Uint8Array | undefined;
  for (let from = 0, to = 0; from < stored.length; from += step) {
    const slice = convert(stored.subarray(from, from + step));
    // Every block becomes as many bytes: the first slice tells how many that makes in all.
    converted ??= new Uint8Array((slice.length / Math.min(step, stored.length)) * stored.length);
    converted.set(slice, to);
    to += slice.length;
    await setImmediate();
  }
  return converted ?? convert(stored);
}
