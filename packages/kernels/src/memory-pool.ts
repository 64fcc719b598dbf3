import { OutOfMemory } from "@whittle/core";

/** A piece of the pool's memory. Lives as long as its slab and is handed out again and again. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
  /** Undefined: the block is an allocation of its own. */
  readonly slab: Slab | undefined;
  readonly sizeClass: number;
  /** Nobody has used it yet: it holds zeros, and costs the system nothing before it is written to. */
  fresh: boolean;
}

interface Slab {
  readonly address: number;
  readonly bytes: number;
  used: number;
  /** Blocks handed out. */
  live: number;
}

/** Where the pool gets its memory. */
export interface MemorySource {
  /** 64-byte aligned; 0 when the system refuses. */
  allocate(bytes: number): number;
  /** In queue order: ops already recorded still use it. */
  release(address: number, bytes: number): void;
}

const largestSmall = 2 ** 20;
const page = 2 ** 16;
const [smallestSlab, largestSlab] = [2 ** 18, 2 ** 23];
/** A free block of its own serves a request of at least this share of its size. */
const leastUse = 0.8;

/**
 * Memory under a budget, handed out when an op is recorded.
 *
 * Up to 1 MiB: blocks of 52 sizes (at most a quarter larger than asked for) cut out of slabs, kept on free lists by size. Above: allocations of their own,
 * kept for later requests of about their size. A block may be reused at once: the queue runs in order, so whoever gets it next comes after whoever had it.
 * What is kept goes back to the system when the budget would be exceeded otherwise.
 *
 * Of several free blocks that fit equally well, `reuse` takes the one that was given back last, or the one at the lowest address: then what is taken depends on which
 * blocks are in use alone, and a step that is recorded again finds its tensors where they were.
 */
export class MemoryPool {
  /** Bytes taken from the source; never above the budget. */
  reserved = 0;
  private readonly free: Block[][] = Array.from({ length: sizeClassOf(largestSmall) + 1 }, () => []);
  /** By size, smallest first. */
  private readonly freeLarge: Block[] = [];
  private slabs: Slab[] = [];

  constructor(
    private readonly source: MemorySource,
    readonly budget: number,
    private readonly reuse: "latest" | "lowest" = "latest",
  ) {}

  /** @throws OutOfMemory naming `what` */
  take(bytes: number, what: string): Block {
    if (bytes > largestSmall) return this.takeLarge(bytes, what);
    const sizeClass = sizeClassOf(bytes);
    const block = this.free[sizeClass]!.pop() ?? this.cut(sizeClass, bytes, what);
    block.slab!.live++;
    return block;
  }

  give(block: Block): void {
    block.fresh = false;
    if (block.slab) {
      block.slab.live--;
      const list = this.free[block.sizeClass]!;
      if (this.reuse === "latest") list.push(block);
      else list.splice(lowestLast(list, block.address), 0, block);
    } else {
      let at = this.firstLargeOf(block.bytes);
      if (this.reuse === "lowest")
        while (this.freeLarge[at]?.bytes === block.bytes && this.freeLarge[at]!.address < block.address) at++;
      this.freeLarge.splice(at, 0, block);
    }
  }

  private cut(sizeClass: number, bytes: number, what: string): Block {
    const size = sizeOfClass(sizeClass);
    let slab = this.slabs.at(-1);
    if (!slab || slab.used + size > slab.bytes) {
      const roomy = Math.min(
        largestSlab,
        Math.max(smallestSlab, size, 2 ** Math.floor(Math.log2(this.reserved / 8 + 1))),
      );
      slab = this.openSlab(roomy) ?? this.openSlab(Math.ceil(size / page) * page);
      if (!slab) {
        this.trim();
        slab = this.openSlab(Math.ceil(size / page) * page);
      }
      if (!slab) {
        const larger = this.free.slice(sizeClass + 1).find((list) => list.length > 0);
        if (larger) return larger.pop()!;
        throw this.outOfMemory(what, bytes);
      }
    }
    const block = { address: slab.address + slab.used, bytes: size, slab, sizeClass, fresh: true };
    slab.used += size;
    return block;
  }

  private openSlab(bytes: number): Slab | undefined {
    const address = this.reserve(bytes);
    if (address === 0) return undefined;
    const slab = { address, bytes, used: 0, live: 0 };
    this.slabs.push(slab);
    return slab;
  }

  private takeLarge(bytes: number, what: string): Block {
    const at = this.firstLargeOf(bytes);
    const fitting = this.freeLarge[at];
    if (fitting && bytes >= leastUse * fitting.bytes) {
      this.freeLarge.splice(at, 1);
      return fitting;
    }
    const size = Math.ceil(bytes / page) * page;
    let address = this.reserve(size);
    if (address === 0) {
      this.trim();
      address = this.reserve(size);
    }
    if (address === 0) throw this.outOfMemory(what, bytes);
    return { address, bytes: size, slab: undefined, sizeClass: -1, fresh: true };
  }

  /** An address, or 0 when budget or system refuse. */
  private reserve(bytes: number): number {
    if (this.reserved + bytes > this.budget) return 0;
    const address = this.source.allocate(bytes);
    if (address !== 0) this.reserved += bytes;
    return address;
  }

  /** Gives back all that nobody uses. */
  trim(): void {
    for (const { address, bytes } of this.freeLarge.splice(0)) this.release(address, bytes);
    const unused = new Set(this.slabs.filter((slab) => slab.live === 0));
    if (unused.size === 0) return;
    this.slabs = this.slabs.filter((slab) => !unused.has(slab));
    for (const [sizeClass, blocks] of this.free.entries())
      this.free[sizeClass] = blocks.filter(({ slab }) => !unused.has(slab!));
    for (const { address, bytes } of unused) this.release(address, bytes);
  }

  private release(address: number, bytes: number): void {
    this.source.release(address, bytes);
    this.reserved -= bytes;
  }

  private outOfMemory(what: string, bytes: number): OutOfMemory {
    return new OutOfMemory(what, bytes, Math.max(0, this.budget - this.reserved), this.budget);
  }

  /** Index of the first free large block of at least so many bytes. */
  private firstLargeOf(bytes: number): number {
    let [low, high] = [0, this.freeLarge.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.freeLarge[middle]!.bytes < bytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where a block of this address belongs in a list whose last is the lowest. */
function lowestLast(list: readonly Block[], address: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.address > address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sizes are multiples of 64 up to 512 bytes, then four to each doubling. */
export function sizeClassOf(bytes: number): number {
  if (bytes <= 512) return bytes === 0 ? 0 : (bytes - 1) >>> 6;
  const exponent = 31 - Math.clz32(bytes - 1);
  return 8 + (exponent - 9) * 4 + (((bytes - 1) >>> (exponent - 2)) & 3);
}

export function sizeOfClass(sizeClass: number): number {
  if (sizeClass < 8) return (sizeClass + 1) * 64;
  const exponent = 9 + ((sizeClass - 8) >>> 2);
  return (5 + ((sizeClass - 8) & 3)) << (exponent - 2);
}
