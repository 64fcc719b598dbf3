import { RequestError } from "../errors.js";

/** @throws RequestError naming the field */
export function checkNumber(
  name: string,
  value: unknown,
  range: { integer?: boolean; min?: number; max?: number },
): void {
  const { integer = false, min = -Infinity, max = Infinity } = range;
  const fits =
    typeof value === "number" &&
    value >= min &&
    value <= max &&
    (integer ? Number.isSafeInteger(value) : Number.isFinite(value));
  if (fits) return;
  const bounds = [min > -Infinity ? `at least ${min}` : "", max < Infinity ? `at most ${max}` : ""]
    .filter(Boolean)
    .join(" and ");
  throw new RequestError(
    name,
    `${name} must be ${integer ? "an integer" : "a number"}${bounds && ` of ${bounds}`}, but is ${typeof value === "number" ? value : typeof value}`,
  );
}
