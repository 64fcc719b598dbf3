import { type SequenceId } from "@whittle/core";

/** `released`: when the last holder let it go, as a count of such events. */
interface NaiveBlock {
  released: number;
}

interface NaiveSequence {
  readonly salt: string;
  tokens: number[];
  blocks: NaiveBlock[];
  sealed: number;
  copied: NaiveBlock | undefined;
}

/** What tests hold the paged cache against: lists of tokens, blocks that are mere objects, prefixes as text, and full scans wherever something is asked. */
export class NaiveCache {
  readonly sequences = new Map<SequenceId, NaiveSequence>();
  stats = { prefixQueries: 0, prefixHits: 0, evictions: 0 };
  private readonly published = new Map<string, NaiveBlock>();
  private releases = 0;

  constructor(
    readonly total: number,
    readonly blockSize: number,
  ) {}

  get free(): number {
    return this.total - this.held().size;
  }

  tokens(id: SequenceId): number[] {
    return this.sequences.get(id)!.tokens;
  }

  /** How much of the prompt is there. */
  open(id: SequenceId, prompt: readonly number[], salt: string): number {
    const blocks: NaiveBlock[] = [];
    for (;;) {
      const end = (blocks.length + 1) * this.blockSize;
      const known = this.published.get(keyOf(salt, prompt.slice(0, end)));
      if (end >= prompt.length || !known) break;
      blocks.push(known);
    }
    const cached = blocks.length * this.blockSize;
    this.stats.prefixQueries += prompt.length;
    this.stats.prefixHits += cached;
    const tokens = prompt.slice(0, cached);
    this.sequences.set(id, { salt, tokens, blocks, sealed: blocks.length, copied: undefined });
    return cached;
  }

  fork(from: SequenceId, id: SequenceId): void {
    const origin = this.sequences.get(from)!;
    this.sequences.set(id, { ...origin, tokens: [...origin.tokens], blocks: [...origin.blocks] });
  }

  cost(id: SequenceId, rows: number): number {
    const sequence = this.sequences.get(id)!;
    const { tokens, blocks } = sequence;
    const whole = Math.ceil((tokens.length + rows) / this.blockSize) - blocks.length;
    return Math.max(0, whole) + (rows > 0 && this.mustCopy(sequence) ? 1 : 0);
  }

  extend(id: SequenceId, rows: number): void {
    if (rows === 0) return;
    const sequence = this.sequences.get(id)!;
    const needed = this.cost(id, rows);
    const copies = this.mustCopy(sequence);
    if (sequence.tokens.length % this.blockSize !== 0 && !copies) this.unpublish(sequence.blocks.at(-1)!);
    this.evictFor(needed);
    if (copies) sequence.copied = sequence.blocks.pop()!;
    while (sequence.blocks.length < Math.ceil((sequence.tokens.length + rows) / this.blockSize))
      sequence.blocks.push({ released: 0 });
  }

  settle(id: SequenceId, tokens: readonly number[]): void {
    const sequence = this.sequences.get(id)!;
    sequence.tokens = [...tokens];
    sequence.sealed = Math.min(sequence.sealed, Math.floor(tokens.length / this.blockSize));
    while (sequence.blocks.length > Math.ceil(tokens.length / this.blockSize)) this.letGo(sequence.blocks.pop()!);
    const { copied } = sequence;
    sequence.copied = undefined;
    if (copied) this.letGo(copied);
  }

  revert(id: SequenceId): void {
    const sequence = this.sequences.get(id)!;
    if (sequence.copied) sequence.blocks[Math.floor(sequence.tokens.length / this.blockSize)] = sequence.copied;
    sequence.copied = undefined;
    this.settle(id, sequence.tokens);
  }

  /** A committed step is taken back; `copied`: it copied a block. */
  recall(id: SequenceId, before: number, copied: boolean): void {
    const sequence = this.sequences.get(id)!;
    const kept = copied ? before - (before % this.blockSize) : before;
    sequence.blocks.slice(Math.floor(kept / this.blockSize), sequence.sealed).forEach((block) => this.unpublish(block));
    this.settle(id, sequence.tokens.slice(0, kept));
  }

  seal(id: SequenceId, length: number): void {
    const sequence = this.sequences.get(id)!;
    const { salt, tokens, blocks } = sequence;
    for (; (sequence.sealed + 1) * this.blockSize <= length; sequence.sealed++) {
      const at = sequence.sealed;
      const before = this.published.get(keyOf(salt, tokens.slice(0, at * this.blockSize)));
      if (at > 0 && before !== blocks[at - 1]) return;
      const key = keyOf(salt, tokens.slice(0, (at + 1) * this.blockSize));
      const known = this.published.get(key);
      const own = blocks[at]!;
      if (!known) this.published.set(key, own);
      else if (known !== own) {
        blocks[at] = known;
        this.letGo(own);
      }
    }
  }

  close(id: SequenceId): void {
    this.settle(id, []);
    this.sequences.delete(id);
  }

  private held(): Set<NaiveBlock> {
    return new Set(
      [...this.sequences.values()].flatMap(({ blocks, copied }) => (copied ? [...blocks, copied] : blocks)),
    );
  }

  private mustCopy({ tokens, blocks, copied }: NaiveSequence): boolean {
    if (copied || tokens.length % this.blockSize === 0) return false;
    const last = blocks.at(-1)!;
    return (
      [...this.sequences.values()].filter((other) => other.blocks.includes(last) || other.copied === last).length > 1
    );
  }

  private letGo(block: NaiveBlock): void {
    if (!this.held().has(block)) block.released = ++this.releases;
  }

  private unpublish(block: NaiveBlock): void {
    const known = [...this.published].find(([, other]) => other === block);
    if (!known) return;
    for (const key of this.published.keys()) if (key.startsWith(known[0])) this.published.delete(key);
  }

  private evictFor(count: number): void {
    for (;;) {
      const held = this.held();
      const idle = [...this.published.values()].filter((block) => !held.has(block));
      if (count <= this.total - held.size - idle.length) return;
      this.stats.evictions++;
      this.unpublish(idle.reduce((oldest, block) => (block.released < oldest.released ? block : oldest)));
    }
  }
}

function keyOf(salt: string, tokens: readonly number[]): string {
  return `${salt}:${tokens.map((token) => `${token},`).join("")}`;
}
