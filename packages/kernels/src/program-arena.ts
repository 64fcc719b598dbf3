import { type Block, type MemoryPool } from "./memory-pool.js";

/** A free block serves a request of at least this share of its size; small ones serve any. */
const [leastUse, small] = [0.5, 4096];

/** The memory of what a program makes on its way: handed out and taken back while it is recorded, and nobody else's until `release`. */
export class ProgramArena {
  /** Bytes of all its blocks. */
  bytes = 0;
  private readonly blocks: Block[] = [];
  private readonly idle: Block[] = [];

  constructor(private readonly pool: MemoryPool) {}

  /** The smallest free block that does, the one that was given back last of several. @throws OutOfMemory naming `what` */
  take(bytes: number, what: string): Block {
    let best = -1;
    this.idle.forEach((block, at) => {
      const fits = block.bytes >= bytes && (block.bytes <= small || bytes >= leastUse * block.bytes);
      if (fits && (best < 0 || block.bytes <= this.idle[best]!.bytes)) best = at;
    });
    if (best >= 0) return this.idle.splice(best, 1)[0]!;
    const block = this.pool.take(bytes, what);
    this.blocks.push(block);
    this.bytes += block.bytes;
    return block;
  }

  give(block: Block): void {
    block.fresh = false;
    this.idle.push(block);
  }

  release(): void {
    for (const block of this.blocks.splice(0)) this.pool.give(block);
    this.idle.length = 0;
    this.bytes = 0;
  }
}
