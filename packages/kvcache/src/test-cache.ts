import { embedding, reference, type SequenceId } from "@whittle/core";
import { floatCache, type FloatCacheOptions } from "./float-cache.js";
import { attendRows, batchOf, type TestRun, testShape } from "./test-rows.js";

/** Bytes of one token in the tests' caches. */
export const slotBytes = 2 * testShape.kvHeads * testShape.headDim * 4;

/** A cache on the reference device, and the ways in which tests use it. */
export function setUp({ blocks = 8, blockSize = 4, ...options }: FloatCacheOptions & { blocks?: number } = {}) {
  const device = reference();
  const cache = floatCache({ blockSize, ...options })([testShape], device, blocks * blockSize * slotBytes);
  const run = async (...runs: TestRun[]) => {
    const step = cache.prepare(batchOf(device, runs));
    return {
      step,
      rows: await attendRows(
        device,
        step,
        runs.flatMap((r) => r.tokens),
      ),
    };
  };
  const append = async (...runs: TestRun[]) => {
    const { step, rows } = await run(...runs);
    step.commit();
    return rows;
  };
  /** A step whose op fails; it is still open. */
  const fail = (sequence: SequenceId, tokens: readonly number[]) => {
    const step = cache.prepare(batchOf(device, [{ sequence, tokens }]));
    const ids = device.tensor(new Int32Array(tokens.length).fill(5), [tokens.length], "i32");
    const failed = embedding({ table: device.zeros([1, 4]), ids });
    step.attend(0, device.zeros([tokens.length, 8]), failed, failed);
    return step;
  };
  return { device, cache, run, append, fail };
}

export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
