import { choice, EbnfBuilder, oneOf, type Range, repeat } from "./ebnf.js";
import { GrammarError } from "./grammar-error.js";
import { ALL, minus, union } from "./ranges.js";

/** Repetitions inside repetitions multiply; a pattern of more is a bomb. */
const LARGEST = 5000;
const DEEPEST = 64;

const DIGITS: Range[] = [[0x30, 0x39]];
const WORDS: Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACES: Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const NEW_LINES: Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
];
const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGITS,
  D: minus(ALL, DIGITS),
  w: WORDS,
  W: minus(ALL, WORDS),
  s: SPACES,
  S: minus(ALL, SPACES),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, "0": 0 };

export interface RegexOptions {
  /** Where the pattern stands, for errors. */
  readonly path: string;
  /** Says characters in the grammar; JSON strings must escape some. Default: as they are. */
  readonly character?: (ranges: readonly Range[]) => string;
  /** Whether text may stand before and after what the pattern says, unless it has `^` and `$`. Default: false, it is about the whole text. */
  readonly unanchored?: boolean;
}

/** A grammar of what a pattern matches. @throws GrammarError */
export function regexGrammar(pattern: string, options: RegexOptions): string {
  const builder = new EbnfBuilder();
  return builder.grammar(builder.rule(regexBody(pattern, options)));
}

/**
 * What a pattern (ECMAScript's syntax) matches, as an EBNF expression. Not understood, since no context-free grammar says it: look-arounds, back-references, word borders, and anchors but at the
 * ends. `.` is anything but a line break, `\\s` white space, `\\w` a letter, all three of ASCII's; lazy repetitions match what greedy ones do.
 * @throws GrammarError
 */
export function regexBody(pattern: string, { path, character = oneOf, unanchored = false }: RegexOptions): string {
  const parser = new RegexParser([...pattern], path, character);
  const { body, begins, ends } = parser.parse();
  if (!unanchored) return body;
  const anything = `(${character(ALL)})*`;
  return `${begins ? "" : `${anything} `}${body}${ends ? "" : ` ${anything}`}`;
}

/** An expression and how many characters it is of, repetitions written out. */
interface Part {
  readonly body: string;
  readonly size: number;
}

class RegexParser {
  private at = 0;
  private depth = 0;
  private topAlternatives = 0;

  constructor(
    private readonly pattern: readonly string[],
    private readonly path: string,
    private readonly character: (ranges: readonly Range[]) => string,
  ) {}

  parse(): { body: string; begins: boolean; ends: boolean } {
    const begins = this.take("^");
    const { body } = this.alternatives();
    const ends = this.take("$");
    if (this.at < this.pattern.length) throw this.fail(`"${this.pattern[this.at]}" is out of place`);
    if ((begins || ends) && this.topAlternatives > 1)
      throw this.fail("an anchor beside alternatives is not understood: put them in a group, ^(a|b)$");
    return { body, begins, ends };
  }

  private alternatives(): Part {
    if (++this.depth > DEEPEST) throw this.fail(`groups stand more than ${DEEPEST} deep in each other`);
    const parts = [this.sequence()];
    while (this.take("|")) parts.push(this.sequence());
    if (--this.depth === 0) this.topAlternatives = parts.length;
    return { body: choice(parts.map(({ body }) => body)), size: this.checked(sizeOf(parts)) };
  }

  private sequence(): Part {
    const parts: Part[] = [];
    while (this.at < this.pattern.length && !this.isAny("|)")) {
      if (this.isAny("$") && this.at === this.pattern.length - 1) break;
      parts.push(this.repeated());
    }
    if (parts.length === 0) return { body: '""', size: 1 };
    return { body: parts.map(({ body }) => body).join(" "), size: this.checked(sizeOf(parts)) };
  }

  private repeated(): Part {
    const { body, size } = this.atom();
    const bounds = this.bounds();
    if (!bounds) return { body, size };
    if (this.isAny("*+{?")) throw this.fail("a repetition cannot be repeated itself: put it in a group");
    const { least, most } = bounds;
    return { body: repeat(body, least, most), size: this.checked(size * Math.max(1, most ?? least)) };
  }

  private checked(size: number): number {
    if (size > LARGEST) throw this.fail(`written out it has more than ${LARGEST} characters`);
    return size;
  }

  private bounds(): { least: number; most: number | undefined } | undefined {
    let bounds: { least: number; most: number | undefined } | undefined;
    if (this.take("*")) bounds = { least: 0, most: undefined };
    else if (this.take("+")) bounds = { least: 1, most: undefined };
    else if (this.take("?")) bounds = { least: 0, most: 1 };
    else if (this.isAny("{")) {
      const text = this.pattern.slice(this.at, this.at + 24).join("");
      const match = /^\{(\d{1,6})(,(\d{1,6})?)?\}/.exec(text);
      if (!match) throw this.fail('"{" does not begin a repetition such as {2,5}; a plain one is \\{');
      this.at += match[0].length;
      const least = Number(match[1]);
      const most = match[2] === undefined ? least : match[3] === undefined ? undefined : Number(match[3]);
      if (most !== undefined && most < least) throw this.fail(`${match[0]} is upside down`);
      bounds = { least, most };
    }
    // Lazy or greedy, the same texts match.
    if (bounds) this.take("?");
    return bounds;
  }

  private atom(): Part {
    const first = this.pattern[this.at++]!;
    switch (first) {
      case "(":
        return this.group();
      case "[":
        return this.one(this.set());
      case ".":
        return this.one(minus(ALL, NEW_LINES));
      case "\\":
        return this.one(this.escape());
      case "*":
      case "+":
      case "?":
      case "{":
        throw this.fail(`there is nothing that "${first}" could repeat`);
      case "^":
      case "$":
        throw this.fail(`"${first}" is understood at the ends only`);
      default: {
        const code = first.codePointAt(0)!;
        if (code >= 0xd800 && code <= 0xdfff) throw this.fail("it has half a character (a lone surrogate)");
        return this.one([[code, code]]);
      }
    }
  }

  private one(ranges: readonly Range[]): Part {
    try {
      return { body: this.character(ranges), size: 1 };
    } catch (error) {
      throw error instanceof GrammarError ? this.fail(error.message) : error;
    }
  }

  private group(): Part {
    if (this.take("?")) {
      if (this.take("<") && !this.isAny("=!")) {
        while (this.at < this.pattern.length && !this.take(">")) this.at++;
      } else if (!this.take(":")) throw this.fail("look-arounds and flags are not understood");
    }
    const { body, size } = this.alternatives();
    if (!this.take(")")) throw this.fail("a group has no end");
    return { body: `(${body})`, size };
  }

  private set(): Range[] {
    const negated = this.take("^");
    const ranges: Range[] = [];
    while (!this.take("]")) {
      if (this.at >= this.pattern.length) throw this.fail("a class has no end");
      const from = this.member();
      if (this.isAny("-") && this.pattern[this.at + 1] !== "]" && this.at + 1 < this.pattern.length) {
        this.at++;
        const to = this.member();
        const [[low, high], [low2, high2]] = [from[0]!, to[0]!];
        if (from.length > 1 || to.length > 1 || low !== high || low2 !== high2 || low2 < low)
          throw this.fail("a range of a class goes from one character to a later one");
        ranges.push([low, low2]);
      } else ranges.push(...from);
    }
    const set = negated ? minus(ALL, ranges) : minus(union(ranges), [[0xd800, 0xdfff]]);
    if (set.length === 0) throw this.fail("a class has no character");
    return set;
  }

  private member(): readonly Range[] {
    const character = this.pattern[this.at++]!;
    if (character === "\\") return this.escape(true);
    const code = character.codePointAt(0)!;
    return [[code, code]];
  }

  private escape(inClass = false): readonly Range[] {
    const kind = this.pattern[this.at++];
    if (kind === undefined) throw this.fail("it ends with a single backslash");
    if (kind in CLASSES) return CLASSES[kind]!;
    let code = CONTROLS[kind];
    if (inClass && kind === "b") code = 0x08;
    if (kind === "x") code = this.hex(2);
    if (kind === "u") code = this.hex(4);
    if (code !== undefined) return [[code, code]];
    if (/^[A-Za-z0-9]$/.test(kind)) throw this.fail(`"\\${kind}" is not understood`);
    const plain = kind.codePointAt(0)!;
    return [[plain, plain]];
  }

  private hex(digits: number): number {
    const braced = digits === 4 && this.take("{");
    const end = braced ? this.pattern.indexOf("}", this.at) : this.at + digits;
    const text = this.pattern.slice(this.at, end < 0 ? this.at : end).join("");
    const code = /^[0-9a-f]{1,6}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
    if (!(code <= 0x10ffff) || (!braced && text.length !== digits)) throw this.fail("a character's number is wrong");
    if (code >= 0xd800 && code <= 0xdfff) throw this.fail("it has half a character (a lone surrogate)");
    this.at = braced ? end + 1 : end;
    return code;
  }

  private isAny(characters: string): boolean {
    const character = this.pattern[this.at];
    return character !== undefined && characters.includes(character);
  }

  private take(character: string): boolean {
    if (this.pattern[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private fail(reason: string): GrammarError {
    return new GrammarError(
      this.path.replace(/^\./, ""),
      `the pattern cannot be used: ${reason} (character ${this.at})`,
    );
  }
}

function sizeOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
