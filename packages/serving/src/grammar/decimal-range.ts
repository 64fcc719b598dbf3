import { choice, literal, oneOf } from "./ebnf.js";
import { naturals } from "./integer-range.js";

/** An end of a range of decimals. */
export interface Bound {
  /** Infinite, or as `isPlainDecimal` says. */
  readonly value: number;
  /** The value itself is outside. */
  readonly open: boolean;
}

/** Digits after those that were read: whether there may be none, and what some may be. */
interface Tail {
  readonly empty: boolean;
  readonly more: string | undefined;
}

const ANY: Tail = { empty: true, more: "[0-9]{1,15}" };
const ZEROS: Tail = { empty: true, more: "[0]{1,15}" };
const NOT_ZERO: Tail = { empty: false, more: "[0]{0,14} [1-9] [0-9]{0,14}" };
const NONE: Tail = { empty: false, more: undefined };

/** Whether a number is written as digits alone, so that they can be compared one by one. */
export function isPlainDecimal(value: number): boolean {
  return Number.isFinite(value) && !String(value).includes("e");
}

/** The decimals between two bounds, without exponents or leading zeros, as an EBNF expression; undefined if there are none. */
export function decimalRange(least: Bound, most: Bound): string | undefined {
  const parts: string[] = [];
  if (least.value < 0) {
    const from = most.value < 0 ? { value: -most.value, open: most.open } : { value: 0, open: true };
    const body = magnitudes(from, { value: -least.value, open: least.open });
    if (body !== undefined) parts.push(`"-" ${body}`);
  }
  if (most.value >= 0) {
    const body = magnitudes(least.value < 0 ? { value: 0, open: false } : least, most);
    if (body !== undefined) parts.push(body);
  }
  return parts.length === 0 ? undefined : choice(parts);
}

/** Both ends 0 or more. */
function magnitudes(from: Bound, to: Bound): string | undefined {
  if (from.value > to.value) return undefined;
  const [first, low] = digitsOf(from.value);
  if (to.value === Infinity) return alternatives([first, atLeast(low, from.open)], inner(first + 1, Infinity));
  const [last, high] = digitsOf(to.value);
  if (first === last) return alternatives([first, between(low, from.open, high, to.open)]);
  return alternatives([first, atLeast(low, from.open)], inner(first + 1, last - 1), [last, atMost(high, to.open)]);
}

function alternatives(...parts: (string | [whole: number, fraction: Tail] | undefined)[]): string | undefined {
  const texts = parts.flatMap((part) => {
    if (part === undefined || typeof part === "string") return part ?? [];
    const [whole, { empty, more }] = part;
    if (more === undefined) return empty ? literal(String(whole)) : [];
    return `${literal(String(whole))} ("." ${more})${empty ? "?" : ""}`;
  });
  return texts.length === 0 ? undefined : choice(texts);
}

function inner(least: number, most: number): string | undefined {
  return least > most ? undefined : `${naturals(least, most)} ("." ${ANY.more})?`;
}

/** Digits of fractions at least (or more than) 0.`low`. */
function atLeast(low: string, open: boolean): Tail {
  if (isZero(low)) return open ? NOT_ZERO : ANY;
  const [digit, rest] = next(low);
  return { empty: false, more: choice([...span(digit + 1, 9), ...after(digit, atLeast(rest, open))]) };
}

/** Digits of fractions at most (or less than) 0.`high`. */
function atMost(high: string, open: boolean): Tail {
  if (isZero(high)) return open ? NONE : ZEROS;
  const [digit, rest] = next(high);
  const parts = [...span(0, digit - 1), ...after(digit, atMost(rest, open))];
  return { empty: true, more: parts.length === 0 ? undefined : choice(parts) };
}

function between(low: string, openLow: boolean, high: string, openHigh: boolean): Tail {
  if (isZero(low) && isZero(high)) return openLow || openHigh ? NONE : ZEROS;
  const [[first, lowRest], [last, highRest]] = [next(low), next(high)];
  const parts =
    first === last
      ? after(first, between(lowRest, openLow, highRest, openHigh))
      : [
          ...after(first, atLeast(lowRest, openLow)),
          ...span(first + 1, last - 1),
          ...after(last, atMost(highRest, openHigh)),
        ];
  return { empty: isZero(low) && !openLow, more: parts.length === 0 ? undefined : choice(parts) };
}

/** Any digits after one of these. */
function span(from: number, to: number): string[] {
  return from > to ? [] : after([from, to], ANY);
}

/** A digit and what may come after it; nothing if nothing may, not even the end. */
function after(digit: number | readonly [number, number], { empty, more }: Tail): string[] {
  const [from, to] = typeof digit === "number" ? [digit, digit] : digit;
  const one = oneOf([[0x30 + from, 0x30 + to]]);
  if (more === undefined) return empty ? [one] : [];
  return [`${one} (${more})${empty ? "?" : ""}`];
}

function next(digits: string): [first: number, rest: string] {
  return [Number(digits[0] ?? 0), digits.slice(1)];
}

function isZero(digits: string): boolean {
  return /^0*$/.test(digits);
}

function digitsOf(value: number): [whole: number, fraction: string] {
  const [whole, fraction = ""] = String(value).split(".");
  return [Number(whole), fraction];
}
