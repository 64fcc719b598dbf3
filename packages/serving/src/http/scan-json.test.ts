import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanJson } from "./scan-json.js";

const scan = (text: string, limit = 8) => scanJson(new TextEncoder().encode(text), limit);

describe("a look over JSON before it is parsed", () => {
  it.each<[string, string, string]>([
    ["[[[[[[[[[]]]]]]]]]", "depth", "[0][0][0][0][0][0][0][0]"],
    ['{"a":1,"b":{"a":2},"a":3}', "duplicate", "a"],
    ['{"a":[{"b":1},{"b":1,"c":[1,2],"\\u0062":2}]}', "duplicate", "a[1].b"],
    ['{"x":{"__proto__":1}}', "prototype", "x.__proto__"],
    ['{"x":{"\\u005f_proto__":1}}', "prototype", "x.__proto__"],
    ['{"temperature":NaN}', "value", "temperature"],
    ['{"a":[1,-Infinity]}', "value", "a[1]"],
    ['{"a":{"b":Infinity}}', "value", "a.b"],
  ])("%s", (text, kind, path) => {
    expect(scan(text)).toEqual({ kind, path });
  });

  it("is not deceived by brackets, quotes and colons inside strings", () => {
    expect(scan(JSON.stringify({ a: '[{"a":"[[[[[[[[[[[', 'b"': "\\", c: "a:b,c" }))).toBeUndefined();
    expect(scan("{".repeat(8))).toBeUndefined();
    expect(scan('{"a": "')).toBeUndefined();
  });

  it("finds nothing wrong with what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        if (!JSON.stringify(value).includes("__proto__")) expect(scan(JSON.stringify(value), 10)).toBeUndefined();
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void scanJson(bytes, 4)));
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'[]{}":,\\ a1-') }), (text) => void scan(text, 4)));
  });
});
