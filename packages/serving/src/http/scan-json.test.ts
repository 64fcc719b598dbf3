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
  ])("%s", async (text, kind, path) => {
    expect(await scan(text)).toEqual({ kind, path });
  });

  it("is not deceived by brackets, quotes and colons inside strings", async () => {
    expect(await scan(JSON.stringify({ a: '[{"a":"[[[[[[[[[[[', 'b"': "\\", c: "a:b,c" }))).toBeUndefined();
    expect(await scan("{".repeat(8))).toBeUndefined();
    expect(await scan('{"a": "')).toBeUndefined();
  });

  it("lets the event loop turn while it looks over a long text, and misses nothing after that", async () => {
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    const ids = "[1],".repeat(200_000);
    expect(await scan(`{"a":[${ids}2],"a":3}`)).toEqual({ kind: "duplicate", path: "a" });
    expect(await scan(`{"a":[${ids}NaN]}`)).toEqual({ kind: "value", path: "a[200000]" });
    clearInterval(turning);
    expect(turns).toBeGreaterThan(0);
  });

  it("finds nothing wrong with what JSON.stringify writes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async (value) => {
        if (!JSON.stringify(value).includes("__proto__")) expect(await scan(JSON.stringify(value), 10)).toBeUndefined();
      }),
    );
  });

  it("never throws, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => void (await scanJson(bytes, 4))),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom(...'[]{}":,\\ a1-') }),
        async (text) => void (await scan(text, 4)),
      ),
    );
  });
});
