import { ArgumentError, type SequenceId } from "@whittle/core";
import { type BlockAllocator } from "./block-allocator.js";
import { type PrefixIndex } from "./prefix-index.js";

/** What the sequences of one cache share. */
export interface SharedBlocks {
  readonly allocator: BlockAllocator;
  readonly index: PrefixIndex;
  readonly blockSize: number;
}

/** What the host knows of one sequence: how many tokens are committed and which blocks hold them, first to last. */
export class CachedSequence {
  /** Committed tokens. */
  length = 0;
  /** Rows of a step that is prepared, but neither committed nor discarded. */
  pending = 0;
  readonly blocks: number[] = [];
  /** Blocks, from the first, whose tokens are known to the index. */
  private sealed = 0;
  /** The open step writes to a copy of this block, the last one: other sequences hold the block too. */
  private copied: number | undefined;
  /** Blocks that the open step reads and that were exchanged for others of the same content. */
  private readonly exchanged: number[] = [];
  private closed = false;

  constructor(
    readonly id: SequenceId,
    private readonly salt: string,
    private readonly shared: SharedBlocks,
  ) {}

  /** Begins with what the index knows of a prompt: whole blocks, and never all of it. */
  reuse(prompt: Int32Array): void {
    const { allocator, index, blockSize } = this.shared;
    let node: ReturnType<PrefixIndex["find"]>;
    while (this.length + blockSize < prompt.length) {
      node = index.find(node, this.salt, prompt.subarray(this.length, this.length + blockSize));
      if (!node) return;
      allocator.hold(node.block);
      this.blocks.push(node.block);
      this.length += blockSize;
      this.sealed++;
    }
  }

  /** Another sequence that holds the same blocks. */
  fork(id: SequenceId): CachedSequence {
    const fork = new CachedSequence(id, this.salt, this.shared);
    for (const block of this.blocks) this.shared.allocator.hold(block);
    fork.blocks.push(...this.blocks);
    fork.length = this.length;
    fork.sealed = this.sealed;
    return fork;
  }

  /** Blocks that `rows` more rows would take. */
  blocksFor(rows: number): number {
    const whole = Math.ceil((this.length + this.pending + rows) / this.shared.blockSize) - this.blocks.length;
    return Math.max(0, whole) + (rows > 0 && this.mustCopy() ? 1 : 0);
  }

  /** Makes room for a step's rows. @throws CacheFull before anything has changed. */
  extend(rows: number): void {
    const { allocator, index } = this.shared;
    const needed = this.blocksFor(rows);
    if (this.mustCopy()) {
      const [copy, ...more] = allocator.take(needed);
      this.copied = this.blocks.pop()!;
      this.blocks.push(copy!, ...more);
    } else {
      const last = this.blocks.at(-1);
      // Truncated into a sealed block, and alone with it: it will hold other tokens than the index says.
      if (last !== undefined && this.isPartial() && index.has(last)) allocator.unpublish(last);
      this.blocks.push(...allocator.take(needed));
    }
    this.pending += rows;
  }

  /** The rows to copy before the open step writes: pairs of places in the pool, from and to. */
  copies(): [from: number, to: number][] {
    const { blockSize } = this.shared;
    if (this.copied === undefined) return [];
    const [from, to] = [this.copied * blockSize, this.slotOf(this.length - (this.length % blockSize))];
    return Array.from({ length: this.length % blockSize }, (_, row) => [from + row, to + row]);
  }

  /** Where the sequence can be cut back to once the open step is committed. What the step copied is not trusted if it failed: the copy may have failed with it. */
  get undoLength(): number {
    return this.copied === undefined ? this.length : this.length - (this.length % this.shared.blockSize);
  }

  /** Where token `index` lives in the pool. */
  slotOf(index: number): number {
    const { blockSize } = this.shared;
    return this.blocks[Math.floor(index / blockSize)]! * blockSize + (index % blockSize);
  }

  /** Ends the step that `extend` began, if one is open, with `length` tokens committed in all; blocks that hold none go back. */
  settle(length: number): void {
    const { allocator, blockSize } = this.shared;
    this.length = this.closed ? 0 : length;
    this.pending = 0;
    this.sealed = Math.min(this.sealed, Math.floor(this.length / blockSize));
    while (this.blocks.length > Math.ceil(this.length / blockSize)) allocator.release(this.blocks.pop()!);
    if (this.copied !== undefined) allocator.release(this.copied);
    this.copied = undefined;
    for (const block of this.exchanged.splice(0)) allocator.release(block);
  }

  /** Ends the open step as if it had never been. */
  revert(): void {
    const { copied } = this;
    if (copied !== undefined) {
      const at = Math.floor(this.length / this.shared.blockSize);
      this.copied = this.blocks[at]!;
      this.blocks[at] = copied;
    }
    this.settle(this.length);
  }

  /** Forgets the tokens from `length` on, whose step failed; nobody finds them any more. */
  recall(length: number): void {
    const kept = Math.min(length, this.length);
    for (let i = Math.floor(kept / this.shared.blockSize); i < this.sealed; i++)
      this.shared.allocator.unpublish(this.blocks[i]!);
    this.settle(kept);
  }

  /**
   * Publishes whole blocks of these tokens, the sequence's first. Where the index knows the content already, this sequence gives its own block up for the
   * known one: so whoever holds a block holds those before it, and none is kept twice.
   */
  seal(ids: Int32Array): void {
    const { allocator, index, blockSize } = this.shared;
    if (ids.length > this.length)
      throw new ArgumentError(`seal: ${ids.length} ids for sequence ${this.id}, which has ${this.length} tokens`);
    for (; (this.sealed + 1) * blockSize <= ids.length; this.sealed++) {
      const [from, block] = [this.sealed * blockSize, this.blocks[this.sealed]!];
      const parent = this.sealed === 0 ? undefined : index.nodeOf(this.blocks[this.sealed - 1]!);
      // A failed step took back what comes before.
      if (this.sealed > 0 && !parent) return;
      const known = index.find(parent, this.salt, ids.subarray(from, from + blockSize));
      if (!known) {
        index.add(parent, this.salt, ids.subarray(from, from + blockSize), block);
      } else if (known.block !== block) {
        allocator.hold(known.block);
        this.blocks[this.sealed] = known.block;
        if (this.pending > 0) this.exchanged.push(block);
        else allocator.release(block);
      }
    }
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

  /** Whether the next row goes into a block that has rows. */
  private isPartial(): boolean {
    return this.length % this.shared.blockSize !== 0;
  }

  private mustCopy(): boolean {
    return this.pending === 0 && this.isPartial() && this.shared.allocator.isShared(this.blocks.at(-1)!);
  }
}
