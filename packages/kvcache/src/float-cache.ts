import {
  ArgumentError,
  type AttentionShape,
  type CacheFactory,
  CacheFull,
  type CacheStats,
  type CacheStep,
  type Device,
  DisposedError,
  type KVCache,
  type MemoryReport,
  type RowBatch,
  type SequenceId,
} from "@whittle/core";
import { BlockAllocator } from "./block-allocator.js";
import { CachedSequence, type SharedBlocks } from "./cached-sequence.js";
import { FloatStep } from "./float-step.js";
import { allocatePools, bytesOfSlot, type LayerPool } from "./layer-pool.js";
import { movePoolRows } from "./pool-moves.js";
import { PrefixIndex } from "./prefix-index.js";
import { planStep } from "./step-plan.js";
import { StepSlots } from "./step-slots.js";
import { writeTables } from "./step-tables.js";

export interface FloatCacheOptions {
  /**
   * What keys and values are stored as. Default: as the model computes them, so that the cache never changes what it says. `f16` halves the bytes and the reading
   * at a relative error of 2⁻¹¹ an element; `bf16` has the range of f32 at 2⁻⁸.
   */
  dtype?: "f32" | "f16" | "bf16";
  /** Tokens in a block. Default: 32. A sequence wastes half a block on average; larger blocks read in longer stretches. */
  blockSize?: number;
}

/**
 * The paged cache of plain floating-point keys and values: every layer has one pool for each, all sequences draw blocks of `blockSize` tokens from it.
 *
 * Blocks are shared: forks share all that they have in common, and whole sealed blocks stay findable for prompts that begin with their tokens, after their sequence
 * has ended too, until their space is needed (least recently held first, the end of a text before its beginning).
 *
 * The pools take as many whole blocks as `budgetBytes` holds, at once; a step's tables (a few bytes a row and a block) come on top and are in `memory()`.
 * Source: Kwon et al. 2023 (PagedAttention), §4.
 * @throws ArgumentError (from the factory) if not even one block fits; OutOfMemory if the device has not got the budget.
 */
export function floatCache({ blockSize = 32, ...options }: FloatCacheOptions = {}): CacheFactory {
  if (!(Number.isInteger(blockSize) && blockSize > 0))
    throw new ArgumentError(`floatCache: blockSize must be a positive whole number, but is ${blockSize}`);
  return (layers, device, budgetBytes) => {
    const dtype = options.dtype ?? layers[0]?.dtype ?? "f32";
    const blockBytes = bytesOfSlot(layers, dtype) * blockSize;
    const blocks = Math.floor(budgetBytes / blockBytes);
    if (!(blocks >= 1 && Number.isFinite(blocks))) {
      throw new ArgumentError(
        `floatCache: the budget must hold at least one block of ${blockBytes} bytes and be finite, but is ${budgetBytes}`,
      );
    }
    return new FloatCache(layers, device, allocatePools(layers, device, blocks * blockSize, dtype), blockSize, blocks);
  };
}

class FloatCache implements KVCache {
  private readonly sequences = new Map<SequenceId, CachedSequence>();
  private readonly allocator: BlockAllocator;
  private readonly blocks: SharedBlocks;
  private readonly lent: StepSlots;
  private opened = 0;
  private prefixQueries = 0;
  private prefixHits = 0;
  private disposed = false;

  constructor(
    private readonly layers: readonly AttentionShape[],
    device: Device,
    private readonly pools: readonly LayerPool[],
    private readonly blockSize: number,
    blocks: number,
  ) {
    const index = new PrefixIndex();
    this.allocator = new BlockAllocator(blocks, index);
    this.blocks = { allocator: this.allocator, index, blockSize };
    this.lent = new StepSlots(device);
  }

  open(prompt?: Int32Array, { salt = "" }: { readonly salt?: string } = {}): { sequence: SequenceId; cached: number } {
    this.assertAlive();
    const sequence = new CachedSequence(this.opened++, salt, this.blocks);
    if (prompt) sequence.reuse(prompt);
    this.prefixQueries += prompt?.length ?? 0;
    this.prefixHits += sequence.length;
    this.sequences.set(sequence.id, sequence);
    return { sequence: sequence.id, cached: sequence.length };
  }

  fork(id: SequenceId): SequenceId {
    const sequence = this.find(id);
    sequence.assertSettled("fork");
    const fork = sequence.fork(this.opened++);
    this.sequences.set(fork.id, fork);
    return fork.id;
  }

  seal(id: SequenceId, ids: Int32Array): void {
    this.find(id).seal(ids);
  }

  close(id: SequenceId): void {
    this.find(id).close();
    this.sequences.delete(id);
  }

  length(id: SequenceId): number {
    return this.find(id).length;
  }

  truncate(id: SequenceId, length: number): number {
    const sequence = this.find(id);
    sequence.assertSettled("truncate");
    if (!(Number.isInteger(length) && length >= 0))
      throw new ArgumentError(`truncate: a length must be a whole number from 0, but is ${length}`);
    sequence.settle(Math.min(length, sequence.length));
    return sequence.length;
  }

  capacity(): { free: number; total: number } {
    return { free: this.allocator.free, total: this.allocator.total };
  }

  cost(id: SequenceId | undefined, rows: number): number {
    return id === undefined ? Math.ceil(rows / this.blockSize) : this.find(id).blocksFor(rows);
  }

  prepare(batch: RowBatch): CacheStep {
    this.assertAlive();
    const plan = planStep(batch, (id) => this.find(id));
    const needed = plan.reduce((blocks, { sequence, rows }) => blocks + sequence.blocksFor(rows.length), 0);
    if (needed > this.allocator.free) throw new CacheFull(needed, this.allocator.free);
    for (const { sequence, rows } of plan) sequence.extend(rows.length);
    try {
      this.copyShared(plan.flatMap(({ sequence }) => sequence.copies()));
      const tables = writeTables(plan, batch.tokens.shape[0]!, batch.ancestors !== undefined, this.lent);
      return new FloatStep(
        { layers: this.layers, pools: this.pools, blockSize: this.blockSize, lent: this.lent },
        plan,
        tables,
        batch.ancestors,
      );
    } catch (error) {
      for (const { sequence } of plan) sequence.revert();
      throw error;
    }
  }

  memory(): MemoryReport {
    const bytes = (part: "keys" | "values") =>
      this.pools.reduce((sum, pool) => sum + (pool[part].disposed ? 0 : pool[part].storage.bytes), 0);
    const parts = { keys: bytes("keys"), values: bytes("values"), tables: this.lent.bytes };
    return { total: parts.keys + parts.values + parts.tables, parts };
  }

  stats(): CacheStats {
    const { prefixQueries, prefixHits } = this;
    return { prefixQueries, prefixHits, evictions: this.allocator.evictions };
  }

  dispose(): void {
    this.disposed = true;
    this.sequences.clear();
    for (const { keys, values } of this.pools) {
      keys.dispose();
      values.dispose();
    }
    this.lent.dispose();
  }

  /** Fills the copies of shared blocks, in queue order: after every write recorded so far, before the step's own. */
  private copyShared(rows: readonly [from: number, to: number][]): void {
    if (rows.length === 0) return;
    const slot = this.lent.take(2 * rows.length);
    movePoolRows(this.pools, slot, rows);
    this.lent.give(slot);
  }

  /** @throws ArgumentError */
  private find(id: SequenceId): CachedSequence {
    this.assertAlive();
    const sequence = this.sequences.get(id);
    if (!sequence) throw new ArgumentError(`the cache has no sequence ${id} (never opened, or closed)`);
    return sequence;
  }

  private assertAlive(): void {
    if (this.disposed) throw new DisposedError("the cache was disposed");
  }
}
