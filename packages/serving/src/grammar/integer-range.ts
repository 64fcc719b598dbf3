import { choice, literal, oneOf } from "./ebnf.js";

/** The integers from `least` to `most` (safe integers or infinite), without leading zeros, as an EBNF expression. */
export function integerRange(least: number, most: number): string {
  const alternatives: string[] = [];
  if (least < 0) {
    const body = naturals(Math.max(1, most < 0 ? -most : 1), -least);
    alternatives.push(`"-" ${body}`);
  }
  if (most >= 0) alternatives.push(naturals(Math.max(0, least), most));
  return choice(alternatives);
}

/** More digits than a safe integer has are given to nobody. */
const MOST_DIGITS = 15;

/** The naturals of a range, `least` 0 or more. */
export function naturals(least: number, most: number): string {
  const low = String(least);
  const high = most > 10 ** MOST_DIGITS ? "9".repeat(MOST_DIGITS) : String(most);
  if (low.length > high.length) return literal(low);
  const parts: string[] = [];
  for (let digits = low.length; digits <= high.length; digits++) {
    const from = digits === low.length ? low : `1${"0".repeat(digits - 1)}`;
    const to = digits === high.length ? high : "9".repeat(digits);
    parts.push(sameLength(from, to));
  }
  return choice(parts);
}

/** Numbers of one length, digit by digit. */
function sameLength(from: string, to: string): string {
  if (from === "") return '""';
  const rest = from.length - 1;
  const digits = (low: string, high: string): string => oneOf([[low.codePointAt(0)!, high.codePointAt(0)!]]);
  const any = rest === 0 ? "" : ` [0-9]{${rest},${rest}}`;
  if (/^0*$/.test(from.slice(1)) && /^9*$/.test(to.slice(1))) return `${digits(from[0]!, to[0]!)}${any}`;
  if (from[0] === to[0]) return `${digits(from[0]!, from[0]!)} ${sameLength(from.slice(1), to.slice(1))}`;
  const parts = [`${digits(from[0]!, from[0]!)} ${sameLength(from.slice(1), "9".repeat(rest))}`];
  const [next, before] = [Number(from[0]) + 1, Number(to[0]) - 1];
  if (next <= before) parts.push(`${digits(String(next), String(before))}${any}`);
  parts.push(`${digits(to[0]!, to[0]!)} ${sameLength("0".repeat(rest), to.slice(1))}`);
  return choice(parts);
}
