import { afterAll, describe, expect, it } from "vitest";
import { randomModel } from "../testing/toy-models.js";
import { END } from "../testing/byte-tokenizer.js";
import { type GrammarConstraint } from "./grammar-constraint.js";
import { Grammars } from "./grammars.js";
import { jsonObjectGrammar, jsonSchemaGrammar } from "./json-schema.js";
import { regexGrammar } from "./regex.js";

const grammars = new Grammars();
const model = randomModel(1);
afterAll(() => grammars.close());

/** Whether a grammar takes a text as a whole. */
async function takes(grammar: string, text: string): Promise<boolean> {
  const [constraint] = (await grammars.start(model, grammar)) as [GrammarConstraint];
  const mask = new Int32Array(9);
  const allowed = async (id: number): Promise<boolean> => {
    await constraint.ready();
    mask.fill(0);
    constraint.allow(mask);
    return ((mask[id >> 5]! >> (id & 31)) & 1) === 1;
  };
  try {
    for (const byte of new TextEncoder().encode(text)) {
      if (!(await allowed(byte))) return false;
      constraint.accept(byte);
    }
    return await allowed(END);
  } finally {
    constraint.dispose();
  }
}

describe("a schema's grammar", () => {
  it.each<[schema: unknown, yes: string[], no: string[]]>([
    [{ type: "boolean" }, ["true", "false"], ["1", "tru", "true "]],
    [{ type: "null" }, ["null"], ["0"]],
    [{ type: "integer" }, ["0", "-7", "123"], ["01", "1.5", "-"]],
    [{ type: "number" }, ["0", "-1.25", "1e-7"], [".5", "1.", "NaN"]],
    [{ type: "string" }, ['""', '"aé🎉"', '"\\n\\u00e9\\""'], ['"\n"', '"\\x"', '"', '"\t"']],
    [{ type: "string", minLength: 2, maxLength: 3 }, ['"ab"', '"éé🎉"', '"\\na"'], ['"a"', '"abcd"', '"a\tb"']],
    [{ type: ["string", "null"] }, ['"a"', "null"], ["1"]],
    [{ enum: ["red", 5, null] }, ['"red"', "5", "null"], ['"blue"']],
    [{ const: { a: [1] } }, ['{"a":[1]}'], ["{}"]],
    [
      {
        type: "object",
        properties: { a: { type: "integer" }, b: { type: "boolean" }, c: { type: "null" } },
        required: ["b"],
      },
      ['{"b":true}', '{"a": 1, "b": true}', '{"a":1,"b":true,"c":null}', '{"b":true,"c":null}'],
      ["{}", '{"a":1}', '{"b":true,"a":1}', '{"b":true,}', '{"b":true,"d":1}'],
    ],
    [{ type: "object", properties: {} }, ["{}"], ['{"a":1}']],
    [{ type: "object" }, ["{}", '{"a":[{"b":null}]}'], ["[]", "1"]],
    [{ type: "object", additionalProperties: { type: "integer" } }, ["{}", '{"x":1,"y":2}'], ['{"x":"1"}']],
    [{ type: "object", required: ["x"] }, ['{"x":[1]}'], ["{}"]],
    [{ type: "array", items: { type: "integer" } }, ["[]", "[1, 2,3]"], ["[1,]", '["a"]']],
    [
      { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 3 },
      ["[1,2]", "[1,2,3]"],
      ["[1]", "[1,2,3,4]"],
    ],
    [{ type: "array", maxItems: 0 }, ["[]"], ["[1]"]],
    [{ type: "array", maxItems: 1 }, ["[]", "[1]"], ["[1,2]"]],
    [
      { type: "array", prefixItems: [{ type: "integer" }, { type: "boolean" }], items: false, minItems: 1 },
      ["[1]", "[1,true]"],
      ["[]", "[true]", "[1,true,1]"],
    ],
    [
      { type: "array", prefixItems: [{ type: "null" }], items: { type: "integer" }, minItems: 3 },
      ["[null,1,2]"],
      ["[null,1]"],
    ],
    [{ anyOf: [{ type: "integer" }, { type: "array", items: { type: "null" } }] }, ["1", "[null]"], ["true"]],
    [{ allOf: [{ type: "integer" }], description: "x" }, ["1"], ["true"]],
    [
      { type: "integer", minimum: -12, maximum: 105 },
      ["-12", "-9", "-1", "0", "9", "10", "99", "100", "105"],
      ["-13", "106", "110", "-20", "-0"],
    ],
    [
      { type: "integer", exclusiveMinimum: 995, maximum: 1203 },
      ["996", "999", "1000", "1203"],
      ["995", "1204", "1300", "99"],
    ],
    [{ type: "integer", minimum: 0 }, ["0", "7", "12345"], ["-1"]],
    [{ minimum: 3 }, ["3", "40", "3.5"], ["2", "2.9"]],
    [{ type: "integer", minimum: -(2 ** 53 - 1), maximum: 2 ** 53 - 1 }, ["-5", "5"], ["1.5"]],
    [{ type: "string", pattern: "^[a-c]{2}\\d$" }, ['"ab1"'], ['"ad1"', '"xab1"', '"ab12"']],
    [{ type: "integer", multipleOf: 5 }, ["0", "5", "-10", "1235"], ["1", "12", "05"]],
    [{ type: "integer", multipleOf: 250 }, ["0", "250", "750", "1000", "-12250"], ["500000001", "25", "1001"]],
    [{ type: "integer", multipleOf: 1 }, ["7", "0", "-12"], ["1.5", "01"]],
    [{ type: "integer", multipleOf: 7, minimum: 1, exclusiveMaximum: 28 }, ["7", "14", "21"], ["0", "28", "8"]],
    [{ type: "integer", multipleOf: 0.5, minimum: 2 }, ["2", "3"], ["1", "2.5"]],
    [{ type: "number", multipleOf: 0.01 }, ["0", "-1.5", "19.99"], ["1.999", "1e3"]],
    [{ type: "number", multipleOf: 0.25, minimum: -0.5, maximum: 0.5 }, ["-0.5", "0", "0.25"], ["0.3", "0.75", "-0"]],
    [{ type: "number", minimum: 0, maximum: 1 }, ["0", "0.5", "1", "1.0", "0.999"], ["-0.1", "1.01", "2", "1e-1"]],
    [{ type: "number", exclusiveMinimum: 0 }, ["0.001", "3", "12.75"], ["0", "0.0", "-1"]],
    [{ type: "string", pattern: "^[a-z_]+$", maxLength: 3 }, ['"a"', '"a_b"'], ['""', '"abcd"', '"A"']],
    [{ type: "string", pattern: "^\\d*$", minLength: 2 }, ['"12"', '"1234"'], ['"1"', '"1a"']],
    [{ type: "array", items: { type: "null" }, uniqueItems: false }, ["[null,null]"], ["[1]"]],
    [
      { type: "object", additionalProperties: { type: "integer" }, minProperties: 1, maxProperties: 2 },
      ['{"x":1}', '{"x":1,"y":2}'],
      ["{}", '{"x":1,"y":2,"z":3}'],
    ],
    [{ type: "object", maxProperties: 0 }, ["{}"], ['{"x":1}']],
    [
      { type: "object", propertyNames: { pattern: "^[a-z]+$" }, additionalProperties: { type: "boolean" } },
      ["{}", '{"ab":true}'],
      ['{"A":true}', '{"a":1}'],
    ],
    [{ type: "object", propertyNames: { enum: ["a", "b"] } }, ['{"b":[1]}'], ['{"c":1}']],
    [{ type: "string", pattern: "b" }, ['"abc"', '"b"'], ['"ac"']],
    [{ type: "string", pattern: '^["\\\\\\n]$' }, ['"\\""', '"\\\\"', '"\\n"'], ['"""', '"a"']],
    [{ type: "string", format: "date" }, ['"2026-11-26"'], ['"2026-13-26"']],
    [{ type: "string", format: "uuid" }, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123"']],
    [{}, ["1", '{"a":[]}', '"x"', "null"], ["x"]],
    [true, ["[[]]"], [""]],
    [
      {
        $defs: {
          node: {
            type: "object",
            properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
            required: ["v", "next"],
          },
        },
        $ref: "#/$defs/node",
      },
      ['{"v":1,"next":null}', '{"v":1,"next":{"v":2,"next":null}}'],
      ['{"v":1}'],
    ],
  ])("%j", async (schema, yes, no) => {
    const grammar = jsonSchemaGrammar(schema);
    for (const text of yes) expect([text, await takes(grammar, text)]).toEqual([text, true]);
    for (const text of no) expect([text, await takes(grammar, text)]).toEqual([text, false]);
  });

  it("of any object", async () => {
    const grammar = jsonObjectGrammar();
    expect(await takes(grammar, '{"a": {"b": [1, "c", null, true, -1.5e3]}}')).toBe(true);
    expect(await takes(grammar, "[]")).toBe(false);
  });

  it.each<[schema: unknown, path: string, message: string]>([
    [{ type: "wat" }, "type", 'must be of object, array, string, integer, number, boolean, null, but is "wat"'],
    [
      { type: "object", properties: { a: { type: "string", wat: 1 } } },
      "properties.a.wat",
      'the keyword "wat" is not understood here',
    ],
    [{ type: "array", uniqueItems: true }, "uniqueItems", "not understood"],
    [{ not: { type: "null" } }, "not", "not understood"],
    [{ type: "number", minimum: 1e20 }, "", "no number has minimum 100000000000000000000"],
    [{ type: "number", minimum: 1e-9 }, "minimum", "written without exponent"],
    [{ type: "number", minimum: 1, exclusiveMaximum: 1 }, "", "no number has minimum 1 and exclusiveMaximum 1"],
    [{ type: "integer", multipleOf: 7 }, "", "multipleOf 7 is understood where there are 1 to 2000"],
    [{ type: "integer", multipleOf: 7, minimum: 1, maximum: 6 }, "", "multipleOf 7"],
    [{ type: "integer", multipleOf: 1.5, minimum: 1, maximum: 6 }, "", "an integer or 1 divided by one"],
    [{ type: "number", multipleOf: 0 }, "", "above 0, but is 0"],
    [{ type: "string", pattern: "^a+b$", maxLength: 3 }, "", "only one of"],
    [{ type: "string", pattern: "^a+$", minLength: 3, maxLength: 2 }, "maxLength", "less than minLength"],
    [{ type: "object", properties: { a: {} }, maxProperties: 3 }, "maxProperties", "beside properties"],
    [{ $ref: "#/nope" }, "$ref", "#/nope leads nowhere"],
    [{ $ref: "http://a/b" }, "$ref", "must lead into the schema itself"],
    [{ $ref: "#" }, "#.$ref", "# leads back to itself"],
    [
      { $defs: { a: { $ref: "#/$defs/b" }, b: { anyOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" },
      "#/$defs/b.anyOf[0].$ref",
      "leads back",
    ],
    [{ enum: [] }, "enum", "must be an array"],
    [{ type: "integer", minimum: 5, maximum: 1 }, "", "no integer"],
    [{ type: "integer", minimum: Infinity }, "minimum", "must be a number"],
    [{ type: "string", minLength: -1 }, "minLength", "must be an integer from 0"],
    [{ type: "string", pattern: "(" }, "pattern", "a group has no end"],
    [{ type: "string", format: "wat" }, "format", "must be of date"],
    [false, "", "a schema must be an object or true, but is false"],
    [{ allOf: [{}, {}] }, "allOf", "single schema"],
    [{ type: "array", maxItems: 1e9 }, "maxItems", "from 0 to 500"],
  ])("cannot be made of %j: %s", (schema, path, message) => {
    expect(() => jsonSchemaGrammar(schema)).toThrow(
      expect.objectContaining({ code: "grammar", path, message: expect.stringContaining(message) }),
    );
  });
});

describe("a pattern's grammar", () => {
  it.each<[pattern: string, yes: string[], no: string[]]>([
    ["abc", ["abc"], ["ab", "abcd"]],
    ["a|bc|", ["a", "bc", ""], ["b"]],
    ["^(cat|dog)s?$", ["cat", "dogs"], ["catss"]],
    ["[^a-z]", ["A", "é", "🎉"], ["a"]],
    ["[à-ãz]\\S", ["áé", "z!"], ["aé", "á "]],
    ["[\\]a-]", ["]", "a", "-"], ["b"]],
    ["\\d{2,3}-\\w+", ["12-a", "123-_b"], ["1-a", "1234-a"]],
    ["(?:ab){2}", ["abab"], ["ab"]],
    ["(?<year>\\d)+?x*", ["1", "12xx"], ["x"]],
    [".", ["a", "é"], ["\n", ""]],
    ["\\u00e9\\x41\\.", ["éA."], ["éAx"]],
    ["a{2}", ["aa"], ["a"]],
  ])("%s", async (pattern, yes, no) => {
    const grammar = regexGrammar(pattern, { path: "" });
    for (const text of yes) expect([text, await takes(grammar, text)]).toEqual([text, true]);
    for (const text of no) expect([text, await takes(grammar, text)]).toEqual([text, false]);
  });

  it.each<[string, string]>([
    ["(?=a)", "look-arounds"],
    ["\\1", '"\\1" is not understood'],
    ["\\b", '"\\b" is not understood'],
    ["a**", "cannot be repeated"],
    ["*", "nothing"],
    ["[b-a]", "a range"],
    ["[", "no end"],
    ["a{5,2}", "upside down"],
    ["((a{99}){99}){99}", "more than 5000"],
    ["(".repeat(100), "deep"],
    ["\\", "backslash"],
    ["^a|b$", "anchor beside alternatives"],
    ["\ud800", "half a character"],
    ["[\u4e00-\u9fff]", "beyond ASCII"],
  ])("cannot be made of %s", (pattern, message) => {
    expect(() => regexGrammar(pattern, { path: "" })).toThrow(message);
  });
});
