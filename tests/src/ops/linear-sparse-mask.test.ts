import { linearSparseMask } from "@whittle/core";
import { conformance } from "../conformance.js";
import { type DrawContext, from, inCase, Random, sizes, values } from "../conformance/index.js";

/** Bits of a mask, those past the last column too; the same in each draw of a case. */
function maskOf({ drawn }: Pick<DrawContext, "drawn">): Uint8Array {
  const { out, packed, seed, percent } = drawn as Record<"out" | "packed" | "seed" | "percent", number>;
  const random = new Random(seed);
  const mask = new Uint8Array(out * packed);
  for (let bit = 0; bit < 8 * mask.length; bit++)
    if (100 * random.uniform() < percent) mask[bit >> 3]! |= 1 << (bit & 7);
  return mask;
}

/** Where the values of each row begin, and how many there are in all. */
function offsetsOf(context: Pick<DrawContext, "drawn">): { offsets: number[]; kept: number } {
  const mask = maskOf(context);
  const { out, in: columns, packed } = context.drawn as Record<"out" | "in" | "packed", number>;
  let kept = 0;
  const offsets = Array.from({ length: out }, (_, row) => {
    const first = kept;
    for (let column = 0; column < columns; column++) kept += (mask[row * packed + (column >> 3)]! >> (column & 7)) & 1;
    return first;
  });
  return { offsets, kept };
}

const spec = {
  rows: sizes(0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 70),
  in: inCase(3, 2112, sizes(1, 8, 96, 577, 0, 33, 128, 250, 64)),
  out: sizes(1, 3, 4, 9, 40),
  packed: from((drawn) => Math.ceil(drawn["in"]! / 8)),
  scaled: from((drawn) => Math.ceil(drawn["in"]! / 64)),
  seed: from((_, random) => random.integer(0, 2 ** 31)),
  percent: sizes(50, 20, 60, 0, 100, 35),
  kept: from((drawn) => offsetsOf({ drawn }).kept),
  mask: values(maskOf),
  offsets: values((context) => offsetsOf(context).offsets),
};

conformance(linearSparseMask, spec, { storedAs: ["f32", "f16", "bf16"], absent: ["scales"], cases: 40 });
conformance(linearSparseMask, spec, { storedAs: ["i8"], given: ["scales"], about: "codes" });

// A mask that asks for more than there is, and rows that begin outside. (The failure of an op without results is nobody's to see.)
conformance(
  linearSparseMask,
  {
    ...spec,
    rows: sizes(1, 2, 5, 9, 31),
    kept: from((drawn, random) => random.integer(0, offsetsOf({ drawn }).kept + 1)),
    offsets: values((context) => {
      const { offsets, kept } = offsetsOf(context);
      return offsets.map((offset) => (context.random.uniform() < 0.1 ? context.random.integer(-9, kept + 9) : offset));
    }),
  },
  { absent: ["scales"], storedAs: ["bf16"], about: "lies" },
);
