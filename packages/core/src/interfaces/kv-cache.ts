import { type Device } from "../device.js";
import { type ActivationDType } from "../dtypes.js";
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
  /** What its queries, keys and values are computed in. Default: f32. */
  readonly dtype?: ActivationDType;
}

/** Makes a cache for a model's layers within a budget of bytes. */
export type CacheFactory = (layers: readonly AttentionShape[], device: Device, budgetBytes: number) => KVCache;

/** Exact bytes by part (`keys`, `values`, …) and in all. */
export interface MemoryReport {
  readonly total: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** What a cache has done since it was made, as plain counters for metrics. */
export interface CacheStats {
  /** Tokens of all prompts that `open` looked up. */
  readonly prefixQueries: number;
  /** Those of them that were there. */
  readonly prefixHits: number;
  /** Cached blocks whose content was given up for rows that needed the space. */
  readonly evictions: number;
}

/** Keys and values of many sequences, in blocks. The numbers the scheduler sees are plain. */
export interface KVCache {
  /**
   * Starts a sequence. `cached` tokens of the prompt are there already: a prefix that another sequence sealed under the same `salt` (default: ""), at most
   * `prompt.length - 1` tokens, since the last one's row must be computed to go on from it. The sequence's length is then `cached`.
   */
  open(prompt?: Int32Array, key?: { readonly salt?: string }): { sequence: SequenceId; cached: number };
  /**
   * A second sequence with the same committed tokens, which shares their memory until one of the two writes. None of its rows may still be in doubt:
   * a step that is discarded later does not reach into forks made meanwhile.
   * @throws ArgumentError if a step of the sequence is open
   */
  fork(sequence: SequenceId): SequenceId;
  /**
   * Says which tokens the first `ids.length` committed rows hold (all from the sequence's first, whatever was sealed before), so that later prompts may begin
   * with them. Call it once the results of the steps that computed these rows were read; a cache may also be sealed while a later step is open.
   * @throws ArgumentError if there are more ids than committed rows
   */
  seal(sequence: SequenceId, ids: Int32Array): void;
  /** Ends a sequence and frees its blocks. Unknown ids are an error. */
  close(sequence: SequenceId): void;
  /** Committed tokens. */
  length(sequence: SequenceId): number;
  /** Forgets all tokens from `length` on; gives the length really kept (it may be shorter, the caller prefills the rest). */
  truncate(sequence: SequenceId, length: number): number;
  /** Blocks free and in all. Cached blocks that no sequence holds are free: their content goes when the space is needed. */
  capacity(): { free: number; total: number };
  /** Blocks that `rows` more rows would take, a copy of a shared one included; without a sequence: of a new one. */
  cost(sequence: SequenceId | undefined, rows: number): number;
  /**
   * Takes blocks and fills tables; host only, nothing is recorded that could fail for want of space.
   * @throws CacheFull before anything has changed.
   */
  prepare(rows: RowBatch): CacheStep;
  memory(): MemoryReport;
  /** Absent in a cache that keeps nothing. */
  stats?(): CacheStats;
  /** Gives all memory back. */
  dispose(): void;
}

/** One step's view of the cache: prepared, attended, then committed or discarded. Both are host work: nothing waits for the device. */
export interface CacheStep {
  /**
   * The tensors that `attend` reads and that are others, or elsewhere, in another step: what else it uses stays where it is as long as the cache. So a step of the same
   * shapes can be replayed (`Device.program`). Absent: it must be recorded each time.
   */
  readonly inputs?: readonly Tensor[];
  /**
   * Stores the rows' keys and values and attends. `q` `[rows, heads·headDim]`, `k`, `v` `[rows, kvHeads·headDim]` → `[rows, heads·headDim]`.
   * Records the same ops whatever the lengths.
   */
  attend(layer: number, q: Tensor, k: Tensor, v: Tensor): Tensor;
  /** Plain rows become part of their sequence; of held rows only the accepted ones (indices within the run, in order), a sequence absent from the map drops its own. */
  commit(accepted?: ReadonlyMap<SequenceId, Int32Array>): void;
  /**
   * The step failed or is unwanted: as if it had never been prepared. Also after `commit`, since a failure is seen only when results are read: its sequences are cut
   * back to where they were before the step, or to less if the step copied what it shared (`length` tells; the rest is computed again). What was sealed of
   * the step's rows is no longer found by later prompts. Later steps of theirs are discarded first.
   */
  discard(): void;
}

/** No room for a step's rows. Nothing has changed. */
export class CacheFull extends WhittleError {
  constructor(needed: number, free: number) {
    super("cache_full", `the cache needs ${needed} more blocks, but only ${free} are free`);
  }
}
