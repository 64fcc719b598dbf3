/** Sizes of a tensor, outermost first; row-major. */
export type Shape = readonly number[];

/** Up to four whole sizes. */
export function isShape(shape: Shape): boolean {
  if (shape.length > 4) return false;
  for (let i = 0; i < shape.length; i++) if (!(Number.isInteger(shape[i]) && shape[i]! >= 0)) return false;
  return true;
}

/** Number of elements. The empty shape is one element. */
export function elementsOf(shape: Shape): number {
  let count = 1;
  for (let i = 0; i < shape.length; i++) count *= shape[i]!;
  return count;
}

/** Elements of one leading row: the product of all sizes but the first. */
export function rowElementsOf(shape: Shape): number {
  let count = 1;
  for (let i = 1; i < shape.length; i++) count *= shape[i]!;
  return count;
}

/** `[12, 768]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
