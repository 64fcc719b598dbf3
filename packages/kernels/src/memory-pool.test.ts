import { describe, expect, test } from "vitest";
import { type Block, MemoryPool, sizeClassOf, sizeOfClass } from "./memory-pool.js";

const kibi = 2 ** 10;
const mebi = 2 ** 20;

/** Hands out addresses and remembers what is held. */
class Source {
  readonly held = new Map<number, number>();
  private next = 2 ** 30;

  constructor(private readonly limit = Infinity) {}

  allocate(bytes: number): number {
    if (this.bytes + bytes > this.limit) return 0;
    const address = this.next;
    this.next += bytes + 2 ** 21;
    this.held.set(address, bytes);
    return address;
  }

  release(address: number, bytes: number): void {
    expect(this.held.get(address)).toBe(bytes);
    this.held.delete(address);
  }

  get bytes(): number {
    return [...this.held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

test("sizes: each request fits its class, with at most a quarter (or 63 bytes) to spare", () => {
  for (let bytes = 0; bytes <= mebi; bytes = bytes < 5000 ? bytes + 1 : Math.floor(bytes * 1.01)) {
    const size = sizeOfClass(sizeClassOf(bytes));
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size % 64).toBe(0);
    expect(size - bytes).toBeLessThanOrEqual(Math.max(64, bytes / 4));
    if (sizeClassOf(bytes) > 0) expect(sizeOfClass(sizeClassOf(bytes) - 1)).toBeLessThan(bytes);
  }
  expect(sizeOfClass(sizeClassOf(mebi))).toBe(mebi);
});

describe("blocks", () => {
  test("that live never overlap, are aligned, and lie in what the source gave", () => {
    const source = new Source();
    const pool = new MemoryPool(source, 256 * mebi);
    const random = lcg(7);
    const live: Block[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.45 && live.length > 0) pool.give(live.splice(Math.floor(random() * live.length), 1)[0]!);
      else live.push(pool.take(Math.floor(2 ** (random() * 22)), "test"));
      expect(pool.reserved).toBe(source.bytes);
    }
    live.sort((a, b) => a.address - b.address);
    for (const [i, { address, bytes }] of live.entries()) {
      expect(address % 64).toBe(0);
      if (i + 1 < live.length) expect(address + bytes).toBeLessThanOrEqual(live[i + 1]!.address);
      const within = [...source.held].some(([start, size]) => address >= start && address + bytes <= start + size);
      expect(within).toBe(true);
    }
  });

  test("are handed out again at once", () => {
    const pool = new MemoryPool(new Source(), mebi);
    const first = pool.take(1000, "test");
    pool.give(first);
    expect(pool.take(990, "test").address).toBe(first.address);
    const large = new MemoryPool(new Source(), 16 * mebi);
    const block = large.take(5 * mebi, "test");
    large.give(block);
    expect(large.take(4.5 * mebi, "test").address).toBe(block.address);
  });

  test("at the lowest address first, if asked so: what is taken depends on what is in use alone", () => {
    const pool = new MemoryPool(new Source(), 64 * mebi, "lowest");
    const sizes = [1000, 1000, 3 * mebi, 1000, 3 * mebi, 3 * mebi];
    const step = () => sizes.map((bytes) => pool.take(bytes, "test"));
    const first = step();
    const addresses = first.map(({ address }) => address);
    for (const order of [
      [5, 3, 0, 1, 4, 2],
      [0, 1, 2, 3, 4, 5],
      [2, 4, 5, 3, 1, 0],
    ]) {
      const blocks = order.map((i) => first[i]!);
      for (const block of blocks) pool.give(block);
      expect(step().map(({ address }) => address)).toEqual(addresses);
    }
  });

  test("of their own serve no request that would waste a fifth of them", () => {
    const pool = new MemoryPool(new Source(), 64 * mebi);
    const block = pool.take(20 * mebi, "test");
    pool.give(block);
    expect(pool.take(2 * mebi, "test").address).not.toBe(block.address);
    expect(pool.take(17 * mebi, "test").address).toBe(block.address);
  });
});

describe("the budget", () => {
  test("is never exceeded, and the error says what is left", () => {
    const source = new Source();
    const pool = new MemoryPool(source, 4 * mebi);
    const taken: Block[] = [];
    expect(() => {
      for (;;) taken.push(pool.take(100 * kibi, "op"));
    }).toThrow(/^op: needs 102400 bytes, but only \d+ of the device's budget of 4194304 are free$/);
    expect(source.bytes).toBeLessThanOrEqual(4 * mebi);
    // At most a quarter is lost to the size class, and a slab's end.
    expect(taken.length).toBeGreaterThanOrEqual(28);
    for (const block of taken) pool.give(block);
    pool.take(3.9 * mebi, "op");
  });

  test("makes free blocks give way: of their own, whole slabs, and larger sizes that are free", () => {
    const pool = new MemoryPool(new Source(), 4 * mebi);
    for (const bytes of [3 * mebi, 64, 600 * kibi, 2 * mebi, mebi]) pool.give(pool.take(bytes, "test"));
    const small = Array.from({ length: 3 }, () => pool.take(mebi, "test"));
    // One live block pins its slab; the others of its size serve smaller requests.
    pool.give(small[0]!);
    pool.give(small[1]!);
    for (let i = 0; i < 3; i++) pool.take(700 * kibi, "test");
  });

  test("a source that refuses is out of memory too", () => {
    const pool = new MemoryPool(new Source(mebi), 64 * mebi);
    expect(() => pool.take(2 * mebi, "op")).toThrow(expect.objectContaining({ code: "out_of_memory" }) as Error);
    pool.take(1000, "op");
  });
});

function lcg(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}
