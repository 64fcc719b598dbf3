import { expect, it } from "vitest";
import { PrefixIndex } from "./prefix-index.js";

const ids = (...list: number[]) => Int32Array.from(list);

it("finds a block by its tokens and all before them", () => {
  const index = new PrefixIndex();
  index.add(undefined, "", ids(1, 2), 10);
  index.add(index.nodeOf(10), "", ids(3, 4), 11);
  const first = index.find(undefined, "", ids(1, 2));
  expect(first?.block).toBe(10);
  expect(index.find(first, "", ids(3, 4))?.block).toBe(11);
  expect(index.find(undefined, "", ids(3, 4))).toBeUndefined();
  expect(index.find(first, "", ids(1, 2))).toBeUndefined();
});

it("keeps salts apart", () => {
  const index = new PrefixIndex();
  index.add(undefined, "a", ids(1, 2), 10);
  index.add(undefined, "b", ids(1, 2), 11);
  expect(index.find(undefined, "a", ids(1, 2))?.block).toBe(10);
  expect(index.find(undefined, "b", ids(1, 2))?.block).toBe(11);
  expect(index.find(undefined, "", ids(1, 2))).toBeUndefined();
});

it("never trusts a hash: where all collide, tokens, predecessor and salt decide", () => {
  const index = new PrefixIndex(() => 7);
  index.add(undefined, "", ids(1, 2), 10);
  index.add(undefined, "", ids(9, 9), 11);
  index.add(index.nodeOf(10), "", ids(5, 6), 12);
  expect(index.find(undefined, "", ids(1, 2))?.block).toBe(10);
  expect(index.find(undefined, "", ids(9, 9))?.block).toBe(11);
  expect(index.find(index.nodeOf(10), "", ids(5, 6))?.block).toBe(12);
  expect(index.find(index.nodeOf(11), "", ids(5, 6))).toBeUndefined();
  expect(index.find(undefined, "", ids(5, 6))).toBeUndefined();
  expect(index.find(undefined, "x", ids(1, 2))).toBeUndefined();
  expect(index.find(undefined, "", ids(1, 2, 3))).toBeUndefined();
  index.remove(10);
  expect(index.find(undefined, "", ids(1, 2))).toBeUndefined();
  expect(index.find(undefined, "", ids(9, 9))?.block).toBe(11);
});

it("takes out what follows a block with it, and may know it again", () => {
  const index = new PrefixIndex();
  index.add(undefined, "", ids(1), 0);
  index.add(index.nodeOf(0), "", ids(2), 1);
  index.add(index.nodeOf(1), "", ids(3), 2);
  index.add(index.nodeOf(0), "", ids(4), 3);
  expect(index.remove(1)).toEqual([1, 2]);
  expect(index.size).toBe(2);
  expect(index.remove(1)).toEqual([]);
  expect(index.find(index.nodeOf(0), "", ids(4))?.block).toBe(3);
  index.add(index.nodeOf(0), "", ids(2), 1);
  expect(new Set(index.remove(0))).toEqual(new Set([0, 1, 3]));
  expect(index.size).toBe(0);
});

it("refuses other tokens for a block that it knows", () => {
  const index = new PrefixIndex();
  index.add(undefined, "", ids(1, 2), 10);
  expect(() => index.add(undefined, "", ids(3, 4), 10)).toThrow("[1, 2] before, but now as [3, 4]");
});

it("keeps ids of its own", () => {
  const index = new PrefixIndex();
  const given = ids(1, 2);
  index.add(undefined, "", given, 10);
  given[0] = 9;
  expect(index.find(undefined, "", ids(1, 2))?.block).toBe(10);
});

it("hashes the same in every process, and different texts apart", () => {
  const index = new PrefixIndex();
  index.add(undefined, "tenant", ids(1, 2, 3), 0);
  expect(index.nodeOf(0)!.hash).toBe(-1469066059);
  const hashes = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    index.add(undefined, "", ids(i % 10, Math.floor(i / 10)), i + 1);
    hashes.add(index.nodeOf(i + 1)!.hash);
  }
  expect(hashes.size).toBe(1000);
});
