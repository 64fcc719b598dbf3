import { type Bound } from "./decimal-range.js";
import { choice, literal } from "./ebnf.js";

/** Multiples that are written out, where they have bounds. */
const MOST_WRITTEN = 2000;
const LONGEST_SUFFIX = 3;

/** The multiples of `step` between finite bounds, one by one, as an EBNF expression; undefined if there are none, too many, or such that they cannot be told exactly. */
export function multiplesBetween(step: number, least: Bound, most: Bound): string | undefined {
  const all = [step, least.value, most.value];
  const decimals = Math.max(...all.map(decimalsOf));
  const [unit, from, to] = all.map((value) => Math.round(value * 10 ** decimals)) as [number, number, number];
  if (![unit, from, to].every(Number.isSafeInteger)) return undefined;
  const first = least.open ? Math.floor(from / unit) + 1 : Math.ceil(from / unit);
  const last = most.open ? Math.ceil(to / unit) - 1 : Math.floor(to / unit);
  if (first > last || last - first >= MOST_WRITTEN) return undefined;
  const values = Array.from({ length: last - first + 1 }, (_, i) => ((first + i) * unit) / 10 ** decimals + 0);
  return choice(values.map((value) => literal(String(Number(value.toFixed(decimals))))));
}

/** All integers that `step`, a divisor of 1000, divides: their last digits tell. Undefined for other steps. */
export function multiples(step: number): string | undefined {
  for (let length = 0; length <= LONGEST_SUFFIX; length++) {
    const end = 10 ** length;
    if (end % step !== 0) continue;
    const ends = Array.from({ length: end / step }, (_, i) => i * step);
    const short = choice(ends.map((value) => literal(String(value))));
    const long = choice(ends.map((value) => literal(length === 0 ? "" : String(value).padStart(length, "0"))));
    return `"-"? (${short} | [1-9] [0-9]{0,${14 - length}} ${long})`;
  }
  return undefined;
}

/** Digits after the point of a number that is written without exponent. */
export function decimalsOf(value: number): number {
  return String(value).split(".")[1]?.length ?? 0;
}
