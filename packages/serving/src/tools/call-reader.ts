const SPACE = /\s/;

/** A part of a call, as it becomes known: its name first, then its arguments piece by piece. */
export interface CallPart {
  readonly name?: string;
  readonly arguments?: string;
}

/**
 * Reads one call, `{"name": "…", "arguments": {…}}`, character by character, so that it says the same however the text is cut. Arguments are given as they stand, as JSON
 * text (models that quote them are understood too), but never before the name.
 */
export class CallReader {
  /** How it stands: `broken` is what is no call after all. */
  state: "reading" | "done" | "broken" = "reading";
  /** All that was read. */
  text = "";
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** At depth 1: the key whose value is being read, or undefined before its colon. */
  private key: string | undefined;
  private word = "";
  private value = "";
  private name: string | undefined;
  private held = "";
  private sent = false;

  constructor(private readonly argumentsKeys: readonly string[] = ["arguments", "parameters"]) {}

  /** The name is known, so that this is a call, even if it ends early. */
  get begun(): boolean {
    return this.name !== undefined;
  }

  push(character: string): CallPart[] {
    this.text += character;
    if (this.depth === 0) {
      if (character === "{") this.depth = 1;
      else if (!SPACE.test(character)) this.state = "broken";
      return [];
    }
    if (this.inString) return this.inside(character);
    if (character === '"') {
      this.inString = true;
      if (this.key === undefined) this.word = "";
      return this.grow(character);
    }
    if (character === "{" || character === "[") {
      if (this.depth === 1 && this.key === undefined) return this.fail();
      this.depth++;
      return this.grow(character);
    }
    if (character === "}" || character === "]") return this.close(character);
    if (this.depth > 1) return this.grow(character);
    if (character === ":" && this.key === undefined) {
      this.key = this.word;
      this.value = "";
      return [];
    }
    if (character === ",") return this.endValue();
    if (SPACE.test(character)) return [];
    return this.key === undefined ? this.fail() : this.grow(character);
  }

  private inside(character: string): CallPart[] {
    if (this.escaped) this.escaped = false;
    else if (character === "\\") this.escaped = true;
    else if (character === '"') this.inString = false;
    if (this.key === undefined && this.inString) this.word += character;
    return this.grow(character);
  }

  private close(character: string): CallPart[] {
    if (this.depth > 1) {
      this.depth--;
      return this.grow(character);
    }
    if (character === "]") return this.fail();
    const parts = this.endValue();
    this.depth = 0;
    if (this.name === undefined) return this.fail();
    this.state = "done";
    return this.sent ? parts : [...parts, { arguments: "{}" }];
  }

  private get isArguments(): boolean {
    return this.key !== undefined && this.argumentsKeys.includes(this.key);
  }

  private grow(character: string): CallPart[] {
    if (this.key === undefined) return [];
    this.value += character;
    // A string may be arguments in quotes: only its end tells.
    if (!this.isArguments || this.value.startsWith('"')) return [];
    return this.give(character);
  }

  private endValue(): CallPart[] {
    const { key, value } = this;
    const isArguments = this.isArguments;
    this.key = undefined;
    if (key === "name") {
      const name = parsed(value);
      if (typeof name !== "string" || this.name !== undefined) return this.fail();
      this.name = name;
      const [held, first] = [this.held, { name }];
      this.held = "";
      this.sent ||= held !== "";
      return held === "" ? [first] : [first, { arguments: held }];
    }
    if (isArguments && value.startsWith('"')) {
      const quoted = parsed(value);
      return this.give(typeof quoted === "string" ? quoted : value);
    }
    return [];
  }

  private give(text: string): CallPart[] {
    if (this.name === undefined) {
      this.held += text;
      return [];
    }
    this.sent = true;
    return [{ arguments: text }];
  }

  private fail(): CallPart[] {
    this.state = "broken";
    return [];
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
