import { CacheFull } from "@whittle/core";

/** Hands out the numbers of a pool's blocks. Host bookkeeping only; the lowest free number goes first into a fresh pool. */
export class BlockAllocator {
  private readonly freeBlocks: number[];

  constructor(readonly total: number) {
    this.freeBlocks = Array.from({ length: total }, (_, i) => total - 1 - i);
  }

  get free(): number {
    return this.freeBlocks.length;
  }

  /** @throws CacheFull if fewer than `count` are free; none is taken then. */
  take(count: number): number[] {
    if (count > this.free) throw new CacheFull(count, this.free);
    return Array.from({ length: count }, () => this.freeBlocks.pop()!);
  }

  give(blocks: readonly number[]): void {
    this.freeBlocks.push(...blocks);
  }
}
