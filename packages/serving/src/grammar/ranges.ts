import { type Range } from "./ebnf.js";

/** Every character: no halves of surrogate pairs, which are none. */
export const ALL: readonly Range[] = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** Sorted, without overlaps. */
export function union(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** What is in `ranges`, but not in `without`. */
export function minus(ranges: readonly Range[], without: readonly Range[]): Range[] {
  let left = union(ranges);
  for (const [from, to] of without) {
    left = left.flatMap(([a, b]): Range[] => {
      if (to < a || from > b) return [[a, b]];
      const parts: Range[] = [];
      if (a < from) parts.push([a, from - 1]);
      if (b > to) parts.push([to + 1, b]);
      return parts;
    });
  }
  return left;
}

export function both(a: readonly Range[], b: readonly Range[]): Range[] {
  return minus(a, minus(ALL, b));
}
