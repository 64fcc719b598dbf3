import { bytesOf, type Device, isBlockDType, linear, linearQ8, type Tensor } from "@whittle/core";
import { attendPartPaged } from "@whittle/kvcache";
import { filled, type Stored } from "./filled.js";

/** One kernel call to time, with what it has to do at least. */
export interface KernelCase {
  readonly name: string;
  /** Records one call; `turn` counts calls. */
  readonly record: (turn: number) => void;
  readonly flops: number;
  /** Whether it multiplies 8-bit codes. */
  readonly codes: boolean;
  /** Bytes that come from memory: weights, or keys and values. */
  readonly bytes: number;
  readonly dispose: () => void;
}

/** SmolLM-135M. */
const hidden = 576;
const intermediate = 1536;
const vocab = 49152;
const [heads, kvHeads, headDim] = [9, 3, 64];

/** Products of TinyLlama-1.1B, for formats whose blocks are longer than those rows allow. */
const largeLayers = [
  [2048, 5632],
  [5632, 2048],
] as const;

/** Weights and caches take turns among copies that together exceed every cache, as the layers of a model do. */
const rotationBytes = 192 * 2 ** 20;

/** As many tensors of one shape as it takes to exceed the caches, as views of one block. */
function copies(device: Device, shape: readonly [number, number], dtype: Stored): Tensor[] {
  const bytes = shape[0] * shape[1] * bytesOf(dtype);
  const count = Math.max(1, Math.ceil(rotationBytes / bytes));
  const all = filled(device, [shape[0] * count, shape[1]], dtype);
  const views = Array.from({ length: count }, (_, i) => all.rows(i * shape[0], (i + 1) * shape[0]));
  all.dispose();
  return views;
}

/** Weights in blocks meet activations rounded to 8 bits. */
function linearCase(device: Device, rows: number, [depth, outs]: readonly [number, number], dtype: Stored): KernelCase {
  const x = filled(device, [rows, depth], "f32");
  const weights = copies(device, [outs, depth], dtype);
  const codes = isBlockDType(dtype);
  const product = codes ? linearQ8 : linear;
  return {
    name: `${product.name} ${depth}→${outs}, ${rows} row${rows > 1 ? "s" : ""}, ${dtype}`,
    record: (turn) => product({ x, weight: weights[turn % weights.length]! }).dispose(),
    flops: 2 * rows * depth * outs,
    codes,
    bytes: outs * depth * bytesOf(dtype),
    dispose: () => [x, ...weights].forEach((tensor) => tensor.dispose()),
  };
}

/** `rows` rows of attention: one prompt, or `rows` sequences that decode with `context` keys each. */
function attentionCase(
  device: Device,
  kind: "prefill" | "decode",
  rows: number,
  context: number,
  dtype: Stored,
): KernelCase {
  const blockSize = 32;
  const sequences = kind === "prefill" ? 1 : rows;
  const blocks = Math.ceil(context / blockSize);
  const width = kvHeads * headDim;
  const keys = copies(device, [sequences * blocks * blockSize, width], dtype);
  const values = copies(device, [sequences * blocks * blockSize, width], dtype);
  const q = filled(device, [rows, heads * headDim], "f32");
  const tables = device.tensor(
    Int32Array.from({ length: sequences * blocks }, (_, i) => i),
    [sequences, blocks],
    "i32",
  );
  const seen = Array.from({ length: rows }, (_, row) =>
    kind === "prefill" ? [0, context - rows + row + 1] : [row, context],
  );
  const rowTable = device.tensor(seen.flat(), [rows, 2], "i32");
  const attended = seen.reduce((total, [, visible]) => total + visible!, 0);
  return {
    name: `attention ${kind}, ${rows} row${rows > 1 ? "s" : ""} over ${context} keys, ${dtype}`,
    record(turn) {
      const i = turn % keys.length;
      const pool = { keys: keys[i]!, values: values[i]!, tables, rows: rowTable };
      const [out, stats] = attendPartPaged({ q, ...pool, heads, kvHeads, blockSize, scale: 1 / 8 });
      out.dispose();
      stats.dispose();
    },
    codes: false,
    flops: 2 * 2 * heads * headDim * attended,
    bytes: sequences * context * 2 * width * bytesOf(dtype),
    dispose: () => [q, tables, rowTable, ...keys, ...values].forEach((tensor) => tensor.dispose()),
  };
}

/** Makers of all cases, so that their weights need not stand in memory at once. */
export function kernelCases(device: Device, dtypes: readonly Stored[]): (() => KernelCase)[] {
  const smallLayers = [
    [hidden, hidden],
    [hidden, kvHeads * headDim],
    [hidden, intermediate],
    [intermediate, hidden],
    [hidden, vocab],
  ] as const;
  const layersOf = (dtype: Stored) => (dtype === "q4_K" || dtype === "q6_K" ? largeLayers : smallLayers);
  const products = (dtype: Stored) =>
    [1, 2, 4, 8, 16, 32, 64, 512].flatMap((rows) =>
      layersOf(dtype).map((layer) => () => linearCase(device, rows, layer, dtype)),
    );
  const attention = (dtype: Stored) => [
    () => attentionCase(device, "prefill", 512, 512, dtype),
    () => attentionCase(device, "prefill", 512, 2048, dtype),
    () => attentionCase(device, "decode", 1, 1024, dtype),
    () => attentionCase(device, "decode", 8, 1024, dtype),
  ];
  return dtypes.flatMap((dtype) => [...products(dtype), ...(isBlockDType(dtype) ? [] : attention(dtype))]);
}
