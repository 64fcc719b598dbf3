import { ConfigError } from "../errors.js";

interface NumberRule {
  min?: number;
  max?: number;
  /** Excludes `min` itself. */
  above?: number;
  /** Value if the field is absent or null. Without it the field is required. */
  fallback?: number | undefined;
}

/** Makes the error for what is wrong with a file. */
export type Failure = (file: string, reason: string) => Error;

const configError: Failure = (file, reason) => new ConfigError(file, reason);

/**
 * Reads typed fields of a parsed JSON object. Every failure (a `ConfigError` unless told otherwise) names the file, the field, what came and what
 * was expected.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #failure: Failure;
  readonly #path: string;

  constructor(file: string, values: unknown, failure: Failure = configError, path = "") {
    this.#file = file;
    this.#failure = failure;
    this.#path = path;
    if (!isObject(values))
      this.refuse(`${path ? path.slice(0, -1) : "the file"} must be an object, but is ${shown(values)}`);
    this.#values = values;
  }

  /** Present and not null. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** Present, even if null. */
  mentions(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  raw(name: string): unknown {
    // Own properties only: a field named "constructor" is not there unless the file says so.
    return this.mentions(name) ? (this.#values[name] ?? undefined) : undefined;
  }

  integer(name: string, rule: NumberRule & { fallback: undefined }): number | undefined;
  integer(name: string, rule: NumberRule & { fallback?: number }): number;
  integer(name: string, rule: NumberRule): number | undefined {
    return this.#number(name, rule, "an integer", Number.isSafeInteger);
  }

  number(name: string, rule: NumberRule & { fallback: undefined }): number | undefined;
  number(name: string, rule: NumberRule & { fallback?: number }): number;
  number(name: string, rule: NumberRule): number | undefined {
    return this.#number(name, rule, "a finite number", Number.isFinite);
  }

  boolean(name: string, fallback: boolean): boolean;
  boolean(name: string, fallback: undefined): boolean | undefined;
  boolean(name: string, fallback: boolean | undefined): boolean | undefined {
    const value = this.raw(name) ?? fallback;
    if (value !== undefined && typeof value !== "boolean") this.fail(name, "true or false");
    return value;
  }

  string(name: string, fallback: string): string;
  string(name: string, fallback: undefined): string | undefined;
  string(name: string, fallback: string | undefined): string | undefined {
    const value = this.raw(name) ?? fallback;
    if (value !== undefined && typeof value !== "string") this.fail(name, "a string");
    return value;
  }

  requiredString(name: string): string {
    return this.string(name, undefined) ?? this.fail(name, "a string");
  }

  /** The value, which must be one of these; without a fallback it is required. */
  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T | undefined): T {
    const value = this.raw(name) ?? fallback;
    return allowed.find((one) => one === value) ?? this.fail(name, allowed.map((one) => `"${one}"`).join(" or "));
  }

  /** A token id or a list of them; absent: none. */
  tokenIds(name: string): number[] {
    const value = this.raw(name) ?? [];
    const ids = Array.isArray(value) ? value : [value];
    if (!ids.every((id) => Number.isSafeInteger(id) && id >= 0 && id < 2 ** 31))
      this.fail(name, "a token id or a list of token ids");
    return ids;
  }

  object(name: string): Fields {
    return new Fields(this.#file, this.raw(name), this.#failure, `${this.#path}${name}.`);
  }

  /** A list of objects; absent: empty. */
  objects(name: string): Fields[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) return this.fail(name, "a list of objects");
    return value.map((one, index) => new Fields(this.#file, one, this.#failure, `${this.#path}${name}[${index}].`));
  }

  fail(name: string, expected: string): never {
    const value = this.raw(name);
    const came = value === undefined ? "is missing" : `is ${shown(value)}`;
    throw this.#failure(this.#file, `"${this.#path}${name}" ${came}; expected ${expected}`);
  }

  /** For what is well formed but not supported, or contradicts another field. */
  refuse(reason: string): never {
    throw this.#failure(this.#file, reason);
  }

  #number(name: string, rule: NumberRule, kind: string, is: (value: unknown) => boolean): number | undefined {
    const value = this.raw(name);
    if (value === undefined && "fallback" in rule) return rule.fallback;
    const { min = -Infinity, max = Infinity, above = -Infinity } = rule;
    if (is(value) && (value as number) >= min && (value as number) <= max && (value as number) > above)
      return value as number;
    const limits = [
      rule.above === undefined ? "" : `above ${above}`,
      rule.min === undefined ? "" : `at least ${min}`,
      rule.max === undefined ? "" : `at most ${max}`,
    ].filter(Boolean);
    return this.fail(name, [kind, limits.join(" and ")].filter(Boolean).join(" "));
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it stands in the file, cut to what fits a line. */
export function shown(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
