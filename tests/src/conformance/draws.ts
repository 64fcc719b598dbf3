import { type Random } from "./random.js";

/** What a draw may look at: the case's index and random source, and everything in the spec before it. */
export interface DrawContext {
  readonly index: number;
  readonly random: Random;
  /** Size, attribute or helper by name, as drawn so far. */
  readonly drawn: Readonly<Record<string, number>>;
}

/** One size, attribute or helper number. */
export type Draw = (context: DrawContext) => number;
/** All elements of a tensor of this shape. */
export type ValuesDraw = ((context: DrawContext, shape: readonly number[]) => ArrayLike<number>) & {
  readonly values: true;
};

/** Each of the numbers once before any comes again, in an order of its own. */
export function sizes(...list: number[]): Draw {
  let order: number[] = [];
  return ({ index, random }) => {
    if (index % list.length === 0 || order.length === 0) order = random.shuffled(list);
    return order[index % list.length]!;
  };
}

/** A number that follows from what was drawn before, and perhaps from chance. */
export function from(rule: (drawn: Readonly<Record<string, number>>, random: Random) => number): Draw {
  return ({ drawn, random }) => rule(drawn, random);
}

/** This number in one case, such as a size that is too large for all of them; the others draw theirs. */
export function inCase(index: number, number: number, otherwise: Draw): Draw {
  return (context) => {
    const drawn = otherwise(context);
    return context.index === index ? number : drawn;
  };
}

/** Elements made one by one. */
export function elements(element: (context: DrawContext, position: number) => number): ValuesDraw {
  return values((context, shape) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return Array.from({ length: count }, (_, position) => element(context, position));
  });
}

/** Elements made all at once. */
export function values(draw: (context: DrawContext, shape: readonly number[]) => ArrayLike<number>): ValuesDraw {
  return Object.assign(draw, { values: true as const });
}
