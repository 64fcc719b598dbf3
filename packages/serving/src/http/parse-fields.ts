import type { z } from "zod";
import { invalid } from "./api-error.js";
import { type NeutralField } from "./neutral-fields.js";

export interface ParseOptions<S extends z.ZodObject> {
  readonly schema: S;
  /** OpenAI's other fields. Default: none. */
  readonly neutral?: Readonly<Record<string, NeutralField>>;
  /** Fields that nobody knows, also inside of others, are as if they were not there; and so are those that would change something which is not supported. */
  readonly ignoreUnknownFields: boolean;
}

/**
 * Checks a body field by field: ours by the schema, OpenAI's others by the table of neutral values. `null` is as if the field were not there.
 * @throws ApiError 400 naming the field
 */
export function parseFields<S extends z.ZodObject>(
  body: Readonly<Record<string, unknown>>,
  { schema, neutral = {}, ignoreUnknownFields }: ParseOptions<S>,
): z.output<S> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(schema.shape, name)) {
      if (value !== null) given[name] = value;
    } else if (ignoreUnknownFields) {
      continue;
    } else if (!Object.hasOwn(neutral, name)) {
      throw invalid(name, `there is no field "${shorten(name)}"`, "unknown_parameter");
    } else if (value !== null && !neutral[name]!.neutral(value)) {
      throw invalid(name, `${name} is not supported: only ${neutral[name]!.accepts} is accepted`, "unsupported_value");
    }
  }
  let result = schema.safeParse(given, { reportInput: true });
  if (!result.success && ignoreUnknownFields && removeUnknown(result.error.issues, given))
    result = schema.safeParse(given, { reportInput: true });
  if (result.success) return result.data;
  throw fromIssue(result.error.issues[0]!, given);
}

/** Takes what strict objects do not know out of the body; whether there was any. */
function removeUnknown(issues: readonly z.core.$ZodIssue[], body: unknown): boolean {
  let removed = false;
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") continue;
    const holder = valueAt(body, issue.path) as Record<string, unknown>;
    for (const key of issue.keys) removed = delete holder[key] || removed;
  }
  return removed;
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], body);
}

function fromIssue(issue: z.core.$ZodIssue, body: unknown): ReturnType<typeof invalid> {
  // Of a union, the branch that got furthest into the value knows best what is wrong with it.
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const deepest = issue.errors
      .map((issues) => issues[0]!)
      .reduce((best, other) => (other.path.length > best.path.length ? other : best));
    if (deepest.path.length > 0) return fromIssue({ ...deepest, path: [...issue.path, ...deepest.path] }, body);
  }
  const path = formatPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const field = formatPath([...issue.path, issue.keys[0]!]);
    return invalid(field, `there is no field "${shorten(field)}"`, "unknown_parameter");
  }
  const value = valueAt(body, issue.path);
  if (value === undefined) return invalid(path, `${path} is missing`, "missing_required_parameter");
  return invalid(path, `${path}: ${issue.message}, but got ${describeValue(value)}`);
}

/** `messages[0].content` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`)).join("");
}

function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shorten(value));
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? `an array of ${value.length}` : "an object";
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
