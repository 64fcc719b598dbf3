import { type CacheStep, type KVCache } from "./interfaces/kv-cache.js";
import { type AttentionShape } from "./interfaces/kv-cache.js";
import { type RowBatch, type SequenceId } from "./interfaces/rows.js";
import { ArgumentError } from "./errors.js";
import { type Device } from "./device.js";
import { attention } from "./ops/attention.js";

/**
 * The cache that keeps nothing: rows attend to the rows of their own sequence in the same step. For training, calibration and perplexity, where whole
 * sequences pass at once; its attention is one differentiable op.
 */
export function packed(layers: readonly AttentionShape[], device: Device): KVCache {
  let opened = 0;
  return {
    open: () => ({ sequence: opened++, cached: 0 }),
    // Nothing is kept, so a fork has all that its origin has, and there is nothing to seal.
    fork: () => opened++,
    seal() {},
    close() {},
    length: () => 0,
    truncate: () => 0,
    capacity: () => ({ free: Infinity, total: Infinity }),
    cost: () => 0,
    prepare: (rows) => packedStep(layers, device, rows),
    memory: () => ({ total: 0, parts: {} }),
    dispose() {},
  };
}

function packedStep(layers: readonly AttentionShape[], device: Device, rows: RowBatch): CacheStep {
  if (rows.ancestors) throw new ArgumentError("packed: draft trees need a cache that can hold rows");
  const ranges = new Int32Array(rows.tokens.shape[0]! * 2);
  const started = new Map<SequenceId, number>();
  for (const run of rows.runs) {
    if (run.sequence < 0) continue;
    if (started.has(run.sequence))
      throw new ArgumentError(
        `packed: sequence ${run.sequence} has two runs in one step; its rows must stand together`,
      );
    started.set(run.sequence, run.from);
    for (let row = run.from; row < run.from + run.count; row++) ranges.set([run.from, row + 1], row * 2);
  }
  const rangeTensor = device.tensor(ranges, [ranges.length / 2, 2], "i32");
  const end = () => rangeTensor.dispose();
  return {
    attend(layer, q, k, v) {
      const { heads, kvHeads, headDim, scale = 1 / Math.sqrt(headDim) } = layers[layer]!;
      return attention({ q, k, v, ranges: rangeTensor, heads, kvHeads, scale });
    },
    commit: end,
    discard: end,
  };
}
