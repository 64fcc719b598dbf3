/**
 * Keeps text from outside from being read as control tokens.
 *
 * A mark is put into each control token that stands in such text, so that it no longer reads as one; the mark goes away again after the text has been
 * split at the control tokens that are meant, and before its characters are cut into pieces. So the pieces are those of the plain text.
 */
export class ControlGuard {
  readonly #tokens: ReadonlyMap<string, readonly string[]>;
  readonly #firsts: RegExp | undefined;
  readonly #beginnings = new Set<string>();
  readonly #endings = new Set<string>();
  readonly #longest: number;
  readonly #all: readonly string[];

  constructor(tokens: Iterable<string>) {
    const byFirst = new Map<string, string[]>();
    this.#all = [...new Set(tokens)];
    for (const token of this.#all) {
      const first = String.fromCodePoint(token.codePointAt(0)!);
      byFirst.set(first, [...(byFirst.get(first) ?? []), token]);
      for (let cut = 1; cut < token.length; cut++) {
        this.#beginnings.add(token.slice(0, cut));
        this.#endings.add(token.slice(cut));
      }
    }
    this.#tokens = byFirst;
    this.#longest = Math.max(0, ...this.#all.map((token) => token.length));
    const escaped = [...byFirst.keys()].map((first) => `\\u{${first.codePointAt(0)!.toString(16)}}`);
    this.#firsts = escaped.length === 0 ? undefined : new RegExp(`[${escaped.join("")}]`, "gu");
  }

  /** The text with a mark inside every control token that stands in it. */
  protect(text: string): string {
    // The mark is a noncharacter, not meant for interchange: one that comes from outside becomes what Unicode advises.
    return this.mark(text.replaceAll(MARK, "\uFFFD"));
  }

  /** As `protect`, for text that may have marks already. */
  mark(text: string): string {
    if (this.#firsts === undefined) return text;
    return text.replace(this.#firsts, (first, at: number) =>
      this.#tokens.get(first)!.some((token) => text.startsWith(token, at)) ? first + MARK : first,
    );
  }

  /**
   * As `protect`, for text that a template will put between its own: also where the text and what may stand beside it could make a control token
   * together (`<|` of the template and `end|>` of the message). Space around the text is left alone, as templates trim it.
   */
  protectEmbedded(text: string): string {
    let guarded = this.protect(text);
    if (this.#startsInside(guarded)) guarded = MARK + guarded;
    if (this.#endsInside(guarded)) guarded += MARK;
    const core = guarded.trim();
    if (core === "" || core === guarded) return guarded;
    const from = guarded.indexOf(core);
    const start = this.#startsInside(core) ? MARK : "";
    const end = this.#endsInside(core) ? MARK : "";
    return guarded.slice(0, from) + start + core + end + guarded.slice(from + core.length);
  }

  /** Strings of a JSON-like value guarded by `protectEmbedded`, keys by `protect`. */
  protectValue(value: unknown): unknown {
    if (typeof value === "string") return this.protectEmbedded(value);
    if (Array.isArray(value)) return value.map((one) => this.protectValue(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [this.protect(key), this.protectValue(one)]));
  }

  /** The text without marks. */
  static reveal(text: string): string {
    return text.replaceAll(MARK, "");
  }

  #startsInside(text: string): boolean {
    for (let length = 1; length <= Math.min(this.#longest, text.length); length++) {
      if (this.#endings.has(text.slice(0, length))) return true;
    }
    return text !== "" && text.length < this.#longest && this.#all.some((token) => token.includes(text));
  }

  #endsInside(text: string): boolean {
    for (let length = 1; length <= Math.min(this.#longest, text.length); length++) {
      if (this.#beginnings.has(text.slice(-length))) return true;
    }
    return false;
  }
}

const MARK = "\uFDD0";
