import { GrammarError } from "./grammar-error.js";

const MOST_RULES = 4096;
const LONGEST = 2 ** 18;
/** Characters beyond ASCII: all code points but halves of surrogate pairs. */
const BEYOND_ASCII = 0x110000 - 0x80 - 0x800;

/** An inclusive range of code points. */
export type Range = readonly [from: number, to: number];

/** Collects the rules of a grammar in xgrammar's EBNF. */
export class EbnfBuilder {
  private readonly rules: string[] = [];
  private readonly shared = new Map<string, string>();
  private reserved = 0;
  private length = 0;

  /** A rule's name, whose body is given later by `define`. */
  reserve(): string {
    if (this.reserved >= MOST_RULES) throw new GrammarError("", `it makes more than ${MOST_RULES} rules`);
    return `r${this.reserved++}`;
  }

  define(name: string, body: string): void {
    this.length += body.length;
    if (this.length > LONGEST) throw new GrammarError("", `it makes a grammar of more than ${LONGEST} characters`);
    this.rules.push(`${name} ::= ${body}`);
  }

  /** The rule of this body, which is made once. */
  rule(body: string): string {
    const known = this.shared.get(body);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.define(name, body);
    this.shared.set(body, name);
    return name;
  }

  /** The grammar whose sentences are those of `start`. */
  grammar(start: string): string {
    return [`root ::= ${start}`, ...this.rules].join("\n");
  }
}

/** A text as it stands. */
export function literal(text: string): string {
  if (text === "") return '""';
  return `"${[...text].map((character) => escaped(character.codePointAt(0)!)).join("")}"`;
}

const LAST_ASCII = 0x7f;
const ALL_ELSE = "[^\\x00-\\x7F]";
const MOST_ALTERNATIVES = 256;

/**
 * One character of these ranges. xgrammar knows ranges of ASCII, and all that is beyond; single characters of that are spelled out.
 * @throws GrammarError if they are many, but not all
 */
export function oneOf(ranges: readonly Range[]): string {
  const ascii = ranges
    .filter(([from]) => from <= LAST_ASCII)
    .map(([from, to]): Range => [from, Math.min(to, LAST_ASCII)]);
  const parts = ascii.map(([from, to]) => (from === to ? escaped(from) : `${escaped(from)}-${escaped(to)}`));
  const alternatives = parts.length > 0 ? [`[${parts.join("")}]`] : [];
  const beyond = ranges
    .filter(([, to]) => to > LAST_ASCII)
    .map(([from, to]): Range => [Math.max(from, LAST_ASCII + 1), to]);
  const count = beyond.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (count === BEYOND_ASCII) alternatives.push(ALL_ELSE);
  else if (count > MOST_ALTERNATIVES)
    throw new GrammarError("", `of the characters beyond ASCII, a class may have all or at most ${MOST_ALTERNATIVES}`);
  else
    for (const [from, to] of beyond) for (let code = from; code <= to; code++) alternatives.push(`"${escaped(code)}"`);
  return choice(alternatives);
}

export function choice(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? alternatives[0]! : `(${alternatives.join(" | ")})`;
}

/** `body` from `least` to `most` times. */
export function repeat(body: string, least: number, most: number | undefined): string {
  if (most === 0) return '""';
  if (least === 0 && most === undefined) return `(${body})*`;
  if (least === 1 && most === undefined) return `(${body})+`;
  if (least === 0 && most === 1) return `(${body})?`;
  return `(${body}){${least},${most ?? ""}}`;
}

function escaped(code: number): string {
  const character = String.fromCodePoint(code);
  if (/^[A-Za-z0-9 _]$/.test(character)) return character;
  const hex = code.toString(16).toUpperCase();
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
