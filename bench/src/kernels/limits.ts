import { attribute, defineOp, type Device, floats, ints, type Tensor } from "@whittle/core";
import { type Contender } from "../shared/interleaved.js";

/** Reads every element of `x` once. Native only: there is nothing to compare. */
export const limitRead = defineOp({
  name: "limit.read",
  args: { x: floats("rows", "columns") },
  outputs: () => [{ shape: [1], dtype: "f32" }],
  reference() {},
});

/** Does about `counts[i]` multiply-adds for each i, on one thread each. */
const limitMultiplyAdd = defineOp({
  name: "limit.multiplyAdd",
  args: { counts: ints("items"), cached: attribute.boolean },
  outputs: ({ counts }) => [{ shape: counts.shape, dtype: "f32" }],
  reference() {},
});

/** Does about `counts[i]` multiply-adds of 8-bit codes for each i, summed exactly, on one thread each. */
const limitDotCodes = defineOp({
  name: "limit.dotCodes",
  args: { counts: ints("items") },
  outputs: ({ counts }) => [{ shape: counts.shape, dtype: "f32" }],
  reference() {},
});

/** Does about `counts[i]` multiply-adds of bf16 numbers for each i, summed in f32, on one thread each. */
const limitDotBf16 = defineOp({
  name: "limit.dotBf16",
  args: { counts: ints("items") },
  outputs: ({ counts }) => [{ shape: counts.shape, dtype: "f32" }],
  reference() {},
});

/** Work whose time says what the machine can do, and how to turn milliseconds into the figure. */
export interface Limit extends Contender {
  readonly unit: "GB/s" | "GFLOP/s" | "GOP/s";
  readonly figure: (milliseconds: number) => number;
}

/** Reading bandwidth over a buffer placed as weights are, f32 multiply-adds from registers and from the first-level cache, and multiply-adds of bf16 and of 8-bit codes from there. */
export function limitsOf(device: Device, threads: number, buffer: Tensor): Limit[] {
  const items = 16;
  const perItem = 20_000_000;
  const counts = device.tensor(new Int32Array(items).fill(perItem), [items], "i32");
  const run = async (record: () => Tensor) => {
    record().dispose();
    await device.sync();
  };
  const suffix = `${threads} thread${threads > 1 ? "s" : ""}`;
  const flops = (milliseconds: number) => (2 * items * perItem) / milliseconds / 1e6;
  return [
    {
      name: `read, ${suffix}`,
      unit: "GB/s",
      run: () => run(() => limitRead({ x: buffer })),
      figure: (milliseconds) => (buffer.elements * 4) / milliseconds / 1e6,
    },
    {
      name: `f32 multiply-add in registers, ${suffix}`,
      unit: "GFLOP/s",
      run: () => run(() => limitMultiplyAdd({ counts, cached: false })),
      figure: flops,
    },
    {
      name: `f32 multiply-add from L1, ${suffix}`,
      unit: "GFLOP/s",
      run: () => run(() => limitMultiplyAdd({ counts, cached: true })),
      figure: flops,
    },
    {
      name: `8-bit codes from L1, ${suffix}`,
      unit: "GOP/s",
      run: () => run(() => limitDotCodes({ counts })),
      figure: flops,
    },
    {
      name: `bf16 multiply-add from L1, ${suffix}`,
      unit: "GFLOP/s",
      run: () => run(() => limitDotBf16({ counts })),
      figure: flops,
    },
  ];
}
