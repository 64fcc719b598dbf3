import { CacheFull } from "@whittle/core";
import { type PrefixIndex } from "./prefix-index.js";

/**
 * Counts who holds which of a pool's blocks. A block that nobody holds is free. If the prefix index knows its content it stays findable, until no
 * other block is left: then the one that was let go first is taken. Host bookkeeping only; the lowest number goes first into a fresh pool.
 */
export class BlockAllocator {
  /** Blocks given up for others while the index still knew them. */
  evictions = 0;
  private readonly unused: number[];
  /** Held by nobody, known to the index; the first was let go first. */
  private readonly idle = new Set<number>();
  private readonly holders: Int32Array;

  constructor(
    readonly total: number,
    private readonly index: PrefixIndex,
  ) {
    this.unused = Array.from({ length: total }, (_, i) => total - 1 - i);
    this.holders = new Int32Array(total);
  }

  get free(): number {
    return this.unused.length + this.idle.size;
  }

  /** Blocks with one holder each. @throws CacheFull if fewer than `count` are free; none is taken then. */
  take(count: number): number[] {
    if (count > this.free) throw new CacheFull(count, this.free);
    if (count > this.unused.length) this.evict(count - this.unused.length);
    const blocks = Array.from({ length: count }, () => this.unused.pop()!);
    for (const block of blocks) this.holders[block] = 1;
    return blocks;
  }

  /** One more holder. */
  hold(block: number): void {
    if (this.holders[block]!++ === 0) this.idle.delete(block);
  }

  isShared(block: number): boolean {
    return this.holders[block]! > 1;
  }

  /** One holder less. Whoever lets a sequence's blocks go starts at its end, so that a block is never evicted before those that follow it. */
  release(block: number): void {
    if (--this.holders[block]! > 0) return;
    if (this.index.has(block)) this.idle.add(block);
    else this.unused.push(block);
  }

  /** Nobody finds the block, or what follows it, in the index any more. Who holds them keeps them. */
  unpublish(block: number): void {
    for (const removed of this.index.remove(block)) if (this.idle.delete(removed)) this.unused.push(removed);
  }

  private evict(count: number): void {
    for (const block of this.idle) {
      if (count-- === 0) return;
      this.evictions++;
      this.unpublish(block);
    }
  }
}
