import { ArgumentError, ShapeError } from "../errors.js";
import { formatShape, type Shape } from "../shape.js";
import { type TensorType } from "../tensor.js";
import { type HostTensor } from "../host-tensor.js";

/** Columns of the matrix whose kept elements share a scale where they are 8-bit codes. */
export const scaleColumns = 64;

/** @throws ShapeError unless the part has this shape. */
export function checkPart(op: string, name: string, { shape }: TensorType, expected: Shape, why: string): void {
  if (formatShape(shape) !== formatShape(expected))
    throw new ShapeError(`${op}: ${name} is ${formatShape(shape)}, expected ${formatShape(expected)} (${why})`);
}

/** @throws ArgumentError unless 8-bit codes, and they alone, come with scales; ShapeError for scales of another shape. */
export function checkScales(
  op: string,
  values: TensorType,
  scales: TensorType | undefined,
  [out, columns]: Shape,
): void {
  if ((values.dtype === "i8") !== (scales !== undefined))
    throw new ArgumentError(
      `${op}: values are ${values.dtype}, ${scales ? "which have no scales" : "and scales are missing"}`,
    );
  if (scales)
    checkPart(op, "scales", scales, [out!, Math.ceil(columns! / scaleColumns)], `one for ${scaleColumns} columns of x`);
}

/** What a kept value of this row and column counts, given as stored. */
export function scaled(value: number, scales: HostTensor | undefined, row: number, column: number): number {
  return scales ? value * scales.at(row, Math.floor(column / scaleColumns)) : value;
}
