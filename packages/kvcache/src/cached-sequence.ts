import { ArgumentError, type SequenceId } from "@whittle/core";
import { type BlockAllocator } from "./block-allocator.js";

/** What the host knows of one sequence: how many tokens are committed and which blocks hold them, first to last. */
export class CachedSequence {
  /** Committed tokens. */
  length = 0;
  /** Rows of a step that is prepared, but neither committed nor discarded. */
  pending = 0;
  readonly blocks: number[] = [];
  private closed = false;

  constructor(
    readonly id: SequenceId,
    private readonly allocator: BlockAllocator,
    private readonly blockSize: number,
  ) {}

  /** Blocks that `rows` more rows would take. */
  blocksFor(rows: number): number {
    return Math.max(0, Math.ceil((this.length + this.pending + rows) / this.blockSize) - this.blocks.length);
  }

  /** Makes room for a step's rows. @throws CacheFull before anything has changed. */
  extend(rows: number): void {
    this.blocks.push(...this.allocator.take(this.blocksFor(rows)));
    this.pending += rows;
  }

  /** Where token `index` lives in the pool. */
  slotOf(index: number): number {
    return this.blocks[Math.floor(index / this.blockSize)]! * this.blockSize + (index % this.blockSize);
  }

  /** Ends the step that `extend` began, with `length` tokens committed in all; blocks that hold none go back. */
  settle(length: number): void {
    this.length = length;
    this.pending = 0;
    const used = this.closed ? 0 : Math.ceil(length / this.blockSize);
    this.allocator.give(this.blocks.splice(used));
  }

  /** Frees the blocks; if a step is open, when it ends: its recorded writes still go there. */
  close(): void {
    this.closed = true;
    if (this.pending === 0) this.settle(0);
  }

  /** @throws ArgumentError if a step of this sequence is open. */
  assertSettled(what: string): void {
    if (this.pending > 0)
      throw new ArgumentError(`${what}: sequence ${this.id} has a step that was neither committed nor discarded`);
  }
}
