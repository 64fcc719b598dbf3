import { type DType } from "../dtypes.js";
import { scaleColumns } from "../ops/sparse-values.js";
import { formatShape, type Shape } from "../shape.js";
import { type PartOf } from "./sparse-format.js";

const keptDTypes: readonly DType[] = ["f32", "f16", "bf16", "i8"];

/** What is wrong with dtype or shape of the values of a `matrix` shape, or with their scales. */
export function valuesComplaint(
  { values, scales }: Readonly<Record<string, PartOf>>,
  expected: Shape,
  [out, columns]: Shape,
): string | undefined {
  if (values === undefined) return "values are missing";
  if (!keptDTypes.includes(values.dtype)) return `values are ${values.dtype}, expected ${keptDTypes.join(" or ")}`;
  if (formatShape(values.shape) !== formatShape(expected))
    return `values are ${formatShape(values.shape)}, expected ${formatShape(expected)}`;
  if (values.dtype !== "i8") return scales && `values are ${values.dtype}, which have no scales`;
  return partComplaint("scales", scales, "f16", [out!, Math.ceil(columns! / scaleColumns)]);
}

/** What is wrong with dtype or shape of a part. */
export function partComplaint(name: string, part: PartOf | undefined, dtype: DType, shape: Shape): string | undefined {
  if (part === undefined) return `${name} are missing`;
  if (part.dtype === dtype && formatShape(part.shape) === formatShape(shape)) return undefined;
  return `${name} are ${formatShape(part.shape)} ${part.dtype}, expected ${formatShape(shape)} ${dtype}`;
}
