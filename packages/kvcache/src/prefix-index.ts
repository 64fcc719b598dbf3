import { ArgumentError } from "@whittle/core";

/** A sealed block: its tokens, after those of the blocks before it. */
export interface PrefixNode {
  readonly block: number;
  /** The block before it; undefined: it begins the sequence. */
  readonly parent: PrefixNode | undefined;
  readonly salt: string;
  readonly ids: Int32Array;
  /** Of all tokens from the first, and the salt. */
  readonly hash: number;
  readonly children: Set<PrefixNode>;
}

/**
 * Finds blocks by the tokens they hold and all tokens before them. A chained hash leads to a block (hash of the block before, own tokens); what was found is then
 * compared, so that a collision costs time and never gives wrong content. Prompts of different salts never meet.
 *
 * Source: vLLM's automatic prefix caching (whole blocks, chained keys, salt).
 */
export class PrefixIndex {
  private readonly byHash = new Map<number, PrefixNode[]>();
  private readonly byBlock = new Map<number, PrefixNode>();

  /** `hash` is given by tests that need collisions. */
  constructor(private readonly hash: (before: number, ids: ArrayLike<number>) => number = hashIds) {}

  get size(): number {
    return this.byBlock.size;
  }

  has(block: number): boolean {
    return this.byBlock.has(block);
  }

  nodeOf(block: number): PrefixNode | undefined {
    return this.byBlock.get(block);
  }

  /** The block that holds these tokens after those of `parent`; without a parent: at the beginning, under the salt. */
  find(parent: PrefixNode | undefined, salt: string, ids: Int32Array): PrefixNode | undefined {
    return this.byHash
      .get(this.hashAfter(parent, salt, ids))
      ?.find((node) => node.parent === parent && (parent !== undefined || node.salt === salt) && equal(node.ids, ids));
  }

  /** Makes a block findable that is not yet. @throws ArgumentError if it is known to hold other tokens */
  add(parent: PrefixNode | undefined, salt: string, ids: Int32Array, block: number): void {
    if (this.byBlock.has(block))
      throw new ArgumentError(
        `seal: rows were sealed as the tokens [${this.byBlock.get(block)!.ids.join(", ")}] before, but now as [${ids.join(", ")}]`,
      );
    const hash = this.hashAfter(parent, salt, ids);
    const node: PrefixNode = { block, parent, salt, ids: ids.slice(), hash, children: new Set() };
    const others = this.byHash.get(hash);
    if (others) others.push(node);
    else this.byHash.set(hash, [node]);
    this.byBlock.set(block, node);
    parent?.children.add(node);
  }

  /** Takes a block out and all that follow it, which could not be found without it. Gives their numbers; none if it is not known. */
  remove(block: number): number[] {
    const first = this.byBlock.get(block);
    if (!first) return [];
    first.parent?.children.delete(first);
    const removed = [first];
    for (const node of removed) {
      removed.push(...node.children);
      this.byBlock.delete(node.block);
      const others = this.byHash.get(node.hash)!;
      if (others.length === 1) this.byHash.delete(node.hash);
      else others.splice(others.indexOf(node), 1);
    }
    return removed.map((node) => node.block);
  }

  private hashAfter(parent: PrefixNode | undefined, salt: string, ids: Int32Array): number {
    const before = parent
      ? parent.hash
      : this.hash(
          0,
          Array.from(salt, (character) => character.codePointAt(0)!),
        );
    return this.hash(before, ids);
  }
}

/** 32 bits, the same in every process. Source: after MurmurHash3 (Appleby), an id at a time. */
function hashIds(before: number, ids: ArrayLike<number>): number {
  let hash = before;
  for (let i = 0; i < ids.length; i++) {
    const k = Math.imul(ids[i]!, 0xcc9e2d51);
    hash ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= ids.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function equal(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
