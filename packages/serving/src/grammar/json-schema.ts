import { choice, EbnfBuilder, literal, repeat } from "./ebnf.js";
import { GrammarError } from "./grammar-error.js";
import { isPlainDecimal } from "./decimal-range.js";
import { JSON_FORMATS } from "./json-formats.js";
import { isBeyond, numberBody } from "./json-numbers.js";
import { anyValue, BOOLEAN, COLON, COMMA, jsonCharacter, NULL, STRING, stringOfLength } from "./json-rules.js";
import { regexBody } from "./regex.js";

const LONGEST_STRING = 2000;
const MOST_ITEMS = 500;
const MOST_VALUES = 2000;

type Schema = Readonly<Record<string, unknown>>;

/** Say something about a schema, but nothing about its values. */
const ANNOTATIONS = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "strict",
]);
const NUMBER_KEYWORDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
/** What each type's keywords are. */
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  integer: NUMBER_KEYWORDS,
  number: NUMBER_KEYWORDS,
  boolean: [],
  null: [],
};

/** A grammar of any JSON object. */
export function jsonObjectGrammar(): string {
  const builder = new EbnfBuilder();
  return builder.grammar(anyValue(builder).object);
}

/**
 * A grammar whose sentences are JSON texts that a schema accepts, compact but for one space after a comma or colon. Properties come in the schema's order; of an object with `properties` no others
 * are written. A keyword that is not understood is an error, never left out in silence.
 * @throws GrammarError with the path of what is not understood
 */
export function jsonSchemaGrammar(schema: unknown): string {
  const builder = new EbnfBuilder();
  return builder.grammar(schemaRule(schema, builder));
}

/** The rule of a schema among others of a grammar. @throws GrammarError */
export function schemaRule(schema: unknown, builder: EbnfBuilder): string {
  return new SchemaRules(schema, builder).rule(schema, "");
}

class SchemaRules {
  private readonly references = new Map<string, { rule: string; depth: number; open: boolean }>();
  private anything: ReturnType<typeof anyValue> | undefined;
  /** Objects and arrays around: a reference back to where nothing was written yet has no end. */
  private depth = 0;

  constructor(
    private readonly root: unknown,
    private readonly builder: EbnfBuilder,
  ) {}

  rule(schema: unknown, path: string): string {
    if (schema === true) return this.any().value;
    if (!isObject(schema)) throw fail(path, `a schema must be an object or true, but is ${shown(schema)}`);
    return this.builder.rule(this.body(schema, path));
  }

  private body(schema: Schema, path: string): string {
    const given = (name: string): boolean => schema[name] !== undefined;
    if (given("$ref")) return this.reference(this.only(schema, path, ["$ref"])["$ref"], path);
    if (given("allOf")) return this.allOf(schema, path);
    if (given("const")) return literal(JSON.stringify(this.only(schema, path, ["const", "type"])["const"]));
    if (given("enum")) return this.values(this.only(schema, path, ["enum", "type"])["enum"], `${path}.enum`);
    for (const name of ["anyOf", "oneOf"]) {
      if (given(name)) return this.alternatives(this.only(schema, path, [name])[name], `${path}.${name}`);
    }
    const types = this.typesOf(schema, path);
    if (types.length === 0) {
      this.only(schema, path, []);
      return this.any().value;
    }
    this.only(schema, path, ["type", ...types.flatMap((type) => KEYWORDS[type]!)]);
    return choice(types.map((type) => `(${this.ofType(type, schema, path)})`));
  }

  private ofType(type: string, schema: Schema, path: string): string {
    switch (type) {
      case "object":
        return this.object(schema, path);
      case "array":
        return this.array(schema, path);
      case "string":
        return this.string(schema, path);
      case "integer":
      case "number":
        return this.number(type, schema, path);
      case "boolean":
        return BOOLEAN;
      default:
        return NULL;
    }
  }

  /** What `type` says, or else what the keywords are about. */
  private typesOf(schema: Schema, path: string): string[] {
    const { type } = schema;
    if (type === undefined) {
      return ["object", "array", "string", "number"].filter((one) =>
        KEYWORDS[one]!.some((name) => schema[name] !== undefined),
      );
    }
    const types = Array.isArray(type) ? type : [type];
    const wrong = types.find((one) => typeof one !== "string" || !Object.hasOwn(KEYWORDS, one));
    if (types.length === 0 || wrong !== undefined)
      throw fail(`${path}.type`, `must be of ${Object.keys(KEYWORDS).join(", ")}, but is ${shown(wrong ?? type)}`);
    return [...new Set(types as string[])];
  }

  private object(schema: Schema, path: string): string {
    const properties = schema["properties"] ?? {};
    if (!isObject(properties)) throw fail(`${path}.properties`, "must be an object");
    const required = schema["required"] ?? [];
    if (!Array.isArray(required) || required.some((name) => typeof name !== "string"))
      throw fail(`${path}.required`, "must be an array of names");
    const names = [...new Set([...Object.keys(properties), ...(required as string[])])];
    if (names.length > MOST_VALUES) throw fail(path, `has more than ${MOST_VALUES} properties`);
    const sized = ["propertyNames", "minProperties", "maxProperties"].find((name) => schema[name] !== undefined);
    if (sized !== undefined && names.length > 0) throw fail(`${path}.${sized}`, "is not understood beside properties");
    const more = schema["additionalProperties"] ?? (sized === undefined ? undefined : true);
    this.depth++;
    const body =
      names.length > 0
        ? this.members(names, properties, new Set(required as string[]), path)
        : more === undefined || more === false
          ? more === false || schema["properties"] !== undefined
            ? '""'
            : undefined
          : this.map(more, schema, path);
    this.depth--;
    return body === undefined ? this.any().object : `"{" ${body} "}"`;
  }

  /** Any names of one kind and values of another; that names differ is not seen to. */
  private map(values: unknown, schema: Schema, path: string): string {
    const { propertyNames: names } = schema;
    const least = this.count(schema, "minProperties", path, MOST_ITEMS) ?? 0;
    const most = this.count(schema, "maxProperties", path, MOST_ITEMS);
    if (most !== undefined && most < least)
      throw fail(`${path}.maxProperties`, `is less than minProperties (${least})`);
    if (names !== undefined && names !== true && !isObject(names))
      throw fail(`${path}.propertyNames`, "must be a schema");
    const name = isObject(names)
      ? this.rule({ ...(names["enum"] === undefined && { type: "string" }), ...names }, `${path}.propertyNames`)
      : this.builder.rule(STRING);
    const pair = this.builder.rule(`${name} ${COLON} ${this.rule(values, `${path}.additionalProperties`)}`);
    return separated(pair, least, most);
  }

  /** From the last property to the first: the rest after one that was written, and the rest where none was yet. */
  private members(names: readonly string[], properties: Schema, required: ReadonlySet<string>, path: string): string {
    let [after, first] = ['""', '""'];
    for (const name of [...names].reverse()) {
      const value = this.rule(properties[name] ?? true, `${path}.properties.${name}`);
      const pair = `${literal(JSON.stringify(name))} ${COLON} ${value}`;
      const [written, begun] = [`${COMMA} ${pair} ${after}`, `${pair} ${after}`];
      first = this.builder.rule(required.has(name) ? begun : choice([begun, first]));
      after = this.builder.rule(required.has(name) ? written : choice([written, after]));
    }
    return first;
  }

  private array(schema: Schema, path: string): string {
    const least = this.count(schema, "minItems", path, MOST_ITEMS) ?? 0;
    const most = this.count(schema, "maxItems", path, MOST_ITEMS);
    if (most !== undefined && most < least) throw fail(`${path}.maxItems`, `is less than minItems (${least})`);
    if (schema["uniqueItems"] !== undefined && schema["uniqueItems"] !== false)
      throw fail(`${path}.uniqueItems`, "is not understood: only false is");
    const tuple = schema["prefixItems"] ?? [];
    if (!Array.isArray(tuple)) throw fail(`${path}.prefixItems`, "must be an array of schemas");
    this.depth++;
    const places = tuple.map((one, i) => this.rule(one, `${path}.prefixItems[${i}]`));
    const { items } = schema;
    const rest = items === false ? undefined : this.rule(items ?? true, `${path}.items`);
    this.depth--;
    if (rest === undefined && least > places.length) throw fail(`${path}.minItems`, "is more than the items there are");
    return `"[" ${this.items(places, rest, least, most)} "]"`;
  }

  /** From the last place to the first; after the tuple's places come any number of the rest's. */
  private items(places: readonly string[], rest: string | undefined, least: number, most: number | undefined): string {
    const end = most === undefined ? undefined : Math.max(0, most - places.length);
    const need = Math.max(0, least - places.length);
    const more = rest === undefined || end === 0 ? '""' : `(${COMMA} ${rest}){${need},${end ?? ""}}`;
    if (places.length === 0) {
      return rest === undefined ? '""' : separated(rest, least, most);
    }
    let body = more;
    for (let i = Math.min(places.length, most ?? places.length) - 1; i >= 0; i--) {
      const one = `${i > 0 ? `${COMMA} ` : ""}${places[i]!} ${body}`;
      body = this.builder.rule(i < least ? one : choice([one, '""']));
    }
    return most === 0 ? '""' : body;
  }

  private string(schema: Schema, path: string): string {
    const least = this.count(schema, "minLength", path, LONGEST_STRING);
    const most = this.count(schema, "maxLength", path, LONGEST_STRING);
    const { pattern, format } = schema;
    const bounded = least !== undefined || most !== undefined;
    if (most !== undefined && most < (least ?? 0)) throw fail(`${path}.maxLength`, `is less than minLength (${least})`);
    // The one pattern whose length is plain: characters of one class, again and again.
    const [, one, again] = /^\^(\[(?:[^\]\\]|\\.)+\]|\\[dDwWsS]|\.)([*+])\$$/.exec(String(pattern)) ?? [];
    if (bounded && one !== undefined && format === undefined) {
      const fewest = Math.max(least ?? 0, again === "+" ? 1 : 0);
      if (most !== undefined && most < fewest) throw fail(`${path}.maxLength`, "is less than the pattern asks for");
      return this.pattern(`^${one}{${fewest},${most ?? ""}}$`, `${path}.pattern`, true);
    }
    if (Number(bounded) + Number(pattern !== undefined) + Number(format !== undefined) > 1)
      throw fail(
        path,
        "only one of a length, a pattern and a format is understood, or a length beside a pattern such as ^[a-z]+$",
      );
    if (pattern !== undefined) return this.pattern(pattern, `${path}.pattern`, true);
    if (format !== undefined) {
      if (typeof format !== "string" || !Object.hasOwn(JSON_FORMATS, format))
        throw fail(`${path}.format`, `must be of ${Object.keys(JSON_FORMATS).join(", ")}, but is ${shown(format)}`);
      return this.pattern(JSON_FORMATS[format], `${path}.format`, false);
    }
    if (!bounded) return this.builder.rule(STRING);
    return stringOfLength(least ?? 0, most);
  }

  private pattern(pattern: unknown, path: string, unanchored: boolean): string {
    if (typeof pattern !== "string") throw fail(path, `must be a string, but is ${shown(pattern)}`);
    return `"\\"" ${this.builder.rule(regexBody(pattern, { path, character: jsonCharacter, unanchored }))} "\\""`;
  }

  private number(type: "integer" | "number", schema: Schema, path: string): string {
    const [minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf] = NUMBER_KEYWORDS.map((name) => {
      const value = schema[name];
      if (value !== undefined && (typeof value !== "number" || !(isPlainDecimal(value) || isBeyond(value))))
        throw fail(`${path}.${name}`, `must be a number that is written without exponent, but is ${shown(value)}`);
      return value as number | undefined;
    });
    try {
      return numberBody(type, { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf });
    } catch (error) {
      throw fail(path, (error as Error).message);
    }
  }

  private count(schema: Schema, name: string, path: string, largest: number): number | undefined {
    const value = schema[name];
    if (value === undefined) return undefined;
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > largest)
      throw fail(`${path}.${name}`, `must be an integer from 0 to ${largest}, but is ${shown(value)}`);
    return value as number;
  }

  private values(values: unknown, path: string): string {
    if (!Array.isArray(values) || values.length === 0 || values.length > MOST_VALUES)
      throw fail(path, `must be an array of 1 to ${MOST_VALUES} values`);
    return choice(values.map((value) => literal(JSON.stringify(value))));
  }

  private alternatives(schemas: unknown, path: string): string {
    if (!Array.isArray(schemas) || schemas.length === 0 || schemas.length > MOST_VALUES)
      throw fail(path, `must be an array of 1 to ${MOST_VALUES} schemas`);
    return choice(schemas.map((one, i) => this.rule(one, `${path}[${i}]`)));
  }

  private allOf(schema: Schema, path: string): string {
    const parts = schema["allOf"];
    if (!Array.isArray(parts) || parts.length !== 1 || !isObject(parts[0]))
      throw fail(`${path}.allOf`, "is understood with a single schema only");
    const { allOf: _, ...others } = schema;
    return this.body({ ...others, ...parts[0] }, path);
  }

  private reference(target: unknown, path: string): string {
    if (typeof target !== "string" || !/^#(\/|$)/.test(target))
      throw fail(`${path}.$ref`, `must lead into the schema itself (#/$defs/…), but is ${shown(target)}`);
    const known = this.references.get(target);
    if (known?.open && known.depth === this.depth) throw fail(`${path}.$ref`, `${target} leads back to itself`);
    if (known) return known.rule;
    const entry = { rule: this.builder.reserve(), depth: this.depth, open: true };
    this.references.set(target, entry);
    this.builder.define(entry.rule, this.rule(this.resolve(target, path), target));
    entry.open = false;
    return entry.rule;
  }

  private resolve(target: string, path: string): unknown {
    let found: unknown = this.root;
    for (const step of target.split("/").slice(1)) {
      const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, key))
        throw fail(`${path}.$ref`, `${target} leads nowhere`);
      found = (found as Schema)[key];
    }
    return found;
  }

  private any(): ReturnType<typeof anyValue> {
    return (this.anything ??= anyValue(this.builder));
  }

  /** The schema, if it has no keywords but these. */
  private only(schema: Schema, path: string, known: readonly string[]): Schema {
    const unknown = Object.keys(schema).find(
      (name) => !ANNOTATIONS.has(name) && !known.includes(name) && schema[name] !== undefined,
    );
    if (unknown === undefined) return schema;
    throw fail(
      `${path}.${unknown}`,
      `the keyword "${unknown}" is not understood here${known.length > 0 ? ` (beside ${known[0]})` : ""}`,
    );
  }
}

/** `least` to `most` of one kind, commas between them. */
function separated(one: string, least: number, most: number | undefined): string {
  if (most === 0) return '""';
  const all = `${one} ${repeat(`${COMMA} ${one}`, Math.max(0, least - 1), most === undefined ? undefined : most - 1)}`;
  return least > 0 ? all : `(${all})?`;
}

function fail(path: string, reason: string): GrammarError {
  return new GrammarError(path.replace(/^\./, "").slice(0, 200), reason);
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}
