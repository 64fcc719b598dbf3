import { defineOp, type Device, floats, linear, type Tensor } from "@whittle/core";
import { filled } from "../kernels/filled.js";
import { limitRead } from "../kernels/limits.js";
import { type Contender } from "../shared/interleaved.js";
import { randomElements } from "../shared/random-weights.js";

/** Copies `x`. Native only: there is nothing to compare. */
const limitCopy = defineOp({
  name: "limit.copy",
  args: { x: floats("rows", "columns") },
  outputs: ({ x }) => [{ shape: x.shape, dtype: "f32" }],
  reference() {},
});

export interface GpuLimit extends Contender {
  readonly figure: (milliseconds: number) => number;
}

/** Runs what `record` records so often within one measurement that starting and waiting do not count. */
const repeats = 10;

/** GB/s of reading and of copying (bytes read and bytes written), TFLOP/s of a large bf16 matrix product (through the library where there is one). */
export function gpuLimits(device: Device): { read: GpuLimit; copy: GpuLimit; bf16: GpuLimit; dispose: () => void } {
  const [rows, columns] = [2 ** 17, 8192];
  const side = 8192;
  const buffer = filled(device, [rows, columns], "f32");
  // Random: a matrix unit runs faster on numbers that repeat.
  const random = (seed: number) =>
    device.tensorFromBytes(Buffer.concat([...randomElements(side * side, "bf16", 1, seed, 0)]), [side, side], "bf16");
  const [x, weight] = [random(1), random(2)];
  const run = async (record: () => Tensor) => {
    for (let i = 0; i < repeats; i++) record().dispose();
    await device.sync();
  };
  const bytes = rows * columns * 4;
  return {
    read: {
      name: "read",
      run: () => run(() => limitRead({ x: buffer })),
      figure: (milliseconds) => (repeats * bytes) / milliseconds / 1e6,
    },
    copy: {
      name: "copy",
      run: () => run(() => limitCopy({ x: buffer })),
      figure: (milliseconds) => (2 * repeats * bytes) / milliseconds / 1e6,
    },
    bf16: {
      name: "bf16 product",
      run: () => run(() => linear({ x, weight })),
      figure: (milliseconds) => (repeats * 2 * side ** 3) / milliseconds / 1e9,
    },
    dispose() {
      for (const tensor of [buffer, x, weight]) tensor.dispose();
    },
  };
}
