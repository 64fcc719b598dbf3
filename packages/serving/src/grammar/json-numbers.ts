import { type Bound, decimalRange } from "./decimal-range.js";
import { GrammarError } from "./grammar-error.js";
import { integerRange } from "./integer-range.js";
import { INTEGER, NUMBER } from "./json-rules.js";
import { decimalsOf, multiples, multiplesBetween } from "./multiples.js";

/** JSON Schema's keywords about numbers. */
export interface NumberKeywords {
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly multipleOf?: number | undefined;
}

/** No number is written with more digits before its point. */
const LARGEST = 1e15;

/** Whether a finite number is one that nobody writes, so that it is no bound. */
export function isBeyond(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) >= LARGEST;
}

/** The numbers that the keywords allow, as an EBNF expression. @throws GrammarError if there are none, or it cannot be said */
export function numberBody(type: "integer" | "number", keywords: NumberKeywords): string {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf } = keywords;
  const least = tighter(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity, Math.max);
  const most = tighter(maximum ?? Infinity, exclusiveMaximum ?? Infinity, Math.min);
  if (least.value === Infinity || most.value === -Infinity) return nothing(type, keywords);
  if (multipleOf !== undefined) return multiplesOf(multipleOf, type, least, most);
  if (least.value === -Infinity && most.value === Infinity) return type === "integer" ? INTEGER : NUMBER;
  if (type === "number") return decimalRange(least, most) ?? nothing(type, keywords);
  const [from, to] = integersOf(least, most);
  return from > to ? nothing(type, keywords) : integerRange(from, to);
}

function multiplesOf(step: number, type: "integer" | "number", least: Bound, most: Bound): string {
  if (step <= 0) throw new GrammarError("", `multipleOf must be above 0, but is ${step}`);
  if (type === "integer" && !Number.isInteger(step) && Number.isInteger(1 / step))
    return numberBody(type, keywordsOf(least, most));
  if (Number.isFinite(least.value) && Number.isFinite(most.value)) {
    if (type === "integer" && !Number.isInteger(step))
      throw new GrammarError("", `of integers, multipleOf must be an integer or 1 divided by one, but is ${step}`);
    const written = multiplesBetween(step, least, most);
    if (written !== undefined) return written;
  } else if (least.value === -Infinity && most.value === Infinity) {
    const body = Number.isInteger(step) ? multiples(step) : type === "number" ? decimals(step) : undefined;
    if (body !== undefined) return body;
  }
  throw new GrammarError(
    "",
    `multipleOf ${step} is understood where there are 1 to 2000 such numbers between both bounds; without bounds it may be a divisor of 1000 or a power of ten below 1`,
  );
}

/** Numbers of so many digits after the point as 0.1, 0.01, … has. */
function decimals(step: number): string | undefined {
  const digits = decimalsOf(step);
  return step === Number(`1e-${digits}`) ? `${INTEGER} ("." [0-9]{1,${digits}})?` : undefined;
}

/** The one of two bounds that says more, numbers that nobody writes as infinite. */
function tighter(closed: number, open: number, pick: (a: number, b: number) => number): Bound {
  const value = pick(closed, open);
  return {
    value: isBeyond(value) ? Math.sign(value) * Infinity : value,
    open: value === open && Number.isFinite(open),
  };
}

function integersOf(least: Bound, most: Bound): [from: number, to: number] {
  const from = least.open ? Math.floor(least.value) + 1 : Math.ceil(least.value);
  return [from, most.open ? Math.ceil(most.value) - 1 : Math.floor(most.value)];
}

function keywordsOf(least: Bound, most: Bound): NumberKeywords {
  return {
    [least.open ? "exclusiveMinimum" : "minimum"]: least.value,
    [most.open ? "exclusiveMaximum" : "maximum"]: most.value,
  };
}

function nothing(type: string, keywords: NumberKeywords): never {
  const said = Object.entries(keywords).filter(([, value]) => value !== undefined);
  throw new GrammarError("", `no ${type} has ${said.map(([name, value]) => `${name} ${value}`).join(" and ")}`);
}
