import { choice, type EbnfBuilder, literal, oneOf, type Range, repeat } from "./ebnf.js";
import { both, minus } from "./ranges.js";

/** What a JSON string must escape. */
const ESCAPED: readonly Range[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
const SHORT: Readonly<Record<number, string>> = {
  0x22: '"',
  0x5c: "\\",
  0x08: "b",
  0x0c: "f",
  0x0a: "n",
  0x0d: "r",
  0x09: "t",
};

/** One space at most: a grammar that lets white space go on for ever lets small models do so. */
export const COMMA = '"," " "?';
export const COLON = '":" " "?';
export const NULL = literal("null");
export const BOOLEAN = choice([literal("true"), literal("false")]);
/** At most as many digits as a double can tell apart. */
export const INTEGER = '"-"? ("0" | [1-9] [0-9]{0,14})';
export const NUMBER = `${INTEGER} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?`;
/** Inside of a string: one character, or its escape. */
const CHARACTER = '([^"\\\\\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4,4}))';
export const STRING = `"\\"" (${CHARACTER})* "\\""`;

/** One character of these ranges as it stands in a JSON string: escaped where it must be. */
export function jsonCharacter(ranges: readonly Range[]): string {
  const plain = minus(ranges, ESCAPED);
  const alternatives = plain.length > 0 ? [oneOf(plain)] : [];
  for (const [from, to] of both(ranges, ESCAPED)) {
    for (let code = from; code <= to; code++) {
      const short = SHORT[code];
      alternatives.push(literal(short === undefined ? `\\u${code.toString(16).padStart(4, "0")}` : `\\${short}`));
    }
  }
  return choice(alternatives);
}

/** A string of so many characters. */
export function stringOfLength(least: number, most: number | undefined): string {
  return `"\\"" ${repeat(CHARACTER, least, most)} "\\""`;
}

/** Any JSON value, object or array: rules that refer to each other. */
export function anyValue(builder: EbnfBuilder): { value: string; object: string; array: string } {
  const [value, object, array] = [builder.reserve(), builder.reserve(), builder.reserve()];
  const string = builder.rule(STRING);
  const pair = `${string} ${COLON} ${value}`;
  builder.define(value, choice([object, array, string, `(${NUMBER})`, BOOLEAN, NULL]));
  builder.define(object, `"{" (${pair} (${COMMA} ${pair})*)? "}"`);
  builder.define(array, `"[" (${value} (${COMMA} ${value})*)? "]"`);
  return { value, object, array };
}
