import { type Device } from "../device.js";
import { WhittleError } from "../errors.js";
import { type Tensor } from "../tensor.js";
import { type RowBatch, type SequenceId } from "./rows.js";

/** What a cache must know of one layer's attention. */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Factor on q·k. Default: 1/√headDim. */
  readonly scale?: number;
}

/** Makes a cache for a model's layers within a budget of bytes. */
export type CacheFactory = (layers: readonly AttentionShape[], device: Device, budgetBytes: number) => KVCache;

/** Exact bytes by part (`keys`, `values`, …) and in all. */
export interface MemoryReport {
  readonly total: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Keys and values of many sequences, in blocks. The numbers the scheduler sees are plain. */
export interface KVCache {
  /** Starts a sequence. `cached` tokens of the prompt are there already (a prefix hit; at most `prompt.length - 1`). */
  open(prompt?: Int32Array): { sequence: SequenceId; cached: number };
  /** Ends a sequence and frees its blocks. Unknown ids are an error. */
  close(sequence: SequenceId): void;
  /** Committed tokens. */
  length(sequence: SequenceId): number;
  /** Forgets all tokens from `length` on; gives the length really kept (it may be shorter, the caller prefills the rest). */
  truncate(sequence: SequenceId, length: number): number;
  /** Blocks free and in all. */
  capacity(): { free: number; total: number };
  /** Blocks that `rows` more rows would take; without a sequence: of a new one. */
  cost(sequence: SequenceId | undefined, rows: number): number;
  /**
   * Takes blocks and fills tables; host only, nothing is recorded that could fail for want of space.
   * @throws CacheFull before anything has changed.
   */
  prepare(rows: RowBatch): CacheStep;
  memory(): MemoryReport;
  /** Gives all memory back. */
  dispose(): void;
}

/** One step's view of the cache: prepared, attended, then committed or discarded. Both are host work: nothing waits for the device. */
export interface CacheStep {
  /**
   * Stores the rows' keys and values and attends. `q` `[rows, heads·headDim]`, `k`, `v` `[rows, kvHeads·headDim]` → `[rows, heads·headDim]`.
   * Records the same ops whatever the lengths.
   */
  attend(layer: number, q: Tensor, k: Tensor, v: Tensor): Tensor;
  /** Plain rows become part of their sequence; of held rows only the accepted ones (indices within the run, in order), a sequence absent from the map drops its own. */
  commit(accepted?: ReadonlyMap<SequenceId, Int32Array>): void;
  /**
   * The step failed or is unwanted: as if it had never been prepared. Also after `commit`, since a failure is seen only when results are read: its sequences are cut
   * back to where they were before the step. Later steps of theirs are discarded first.
   */
  discard(): void;
}

/** No room for a step's rows. Nothing has changed. */
export class CacheFull extends WhittleError {
  constructor(needed: number, free: number) {
    super("cache_full", `the cache needs ${needed} more blocks, but only ${free} are free`);
  }
}
