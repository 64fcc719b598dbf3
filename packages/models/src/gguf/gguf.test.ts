import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode, readTensorBytes } from "@whittle/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { HeadTooShort } from "./cursor.js";
import { ggmlTypes } from "./ggml-types.js";
import { openGguf } from "./open-gguf.js";
import { parseGguf } from "./parse-gguf.js";
import { GgufBytes } from "./test-bytes.js";
import { type GgufTensorSource, writeGguf } from "./write-gguf.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-gguf-"));
});
afterAll(() => rm(folder, { recursive: true }));

const counting = (elements: number) => Float32Array.from({ length: elements }, (_, i) => (i % 37) - 18);
const tensors: GgufTensorSource[] = [
  { name: "a.weight", type: "f32", shape: [2, 3], bytes: () => encode("f32", [1, 2, 3, 4, 5, 6]) },
  { name: "b.weight", type: "bf16", shape: [3], bytes: () => encode("bf16", [1, 2, 3]) },
  { name: "c.weight", type: "q4_0", shape: [5, 64], bytes: () => [encode("q4_0", counting(320))] },
  { name: "d.weight", type: "q5_K", shape: [1, 256], bytes: () => new Uint8Array(176) },
  { name: "nothing", type: "f16", shape: [0], bytes: () => new Uint8Array() },
];
const metadata = {
  "general.architecture": "llama",
  count: 7,
  negative: -7,
  truth: true,
  fraction: { float: 0.5 },
  words: ["", "ä", "▁the"],
  types: Int32Array.of(1, -2),
  scores: Float32Array.of(0.25),
};

describe("what was written", () => {
  it("reads as it was, with every size and offset", async () => {
    const file = join(folder, "whole.gguf");
    await writeGguf(file, tensors, { metadata });
    const gguf = await openGguf(file);
    expect(gguf.files).toEqual([file]);
    expect(Object.fromEntries(gguf.metadata)).toEqual({ ...metadata, fraction: 0.5 });
    for (const source of tensors) {
      const { name, type, shape } = source;
      const tensor = gguf.tensors.get(name)!;
      const content = await source.bytes();
      const expected = content instanceof Uint8Array ? content : [...(content as Iterable<Uint8Array>)][0]!;
      expect(tensor).toMatchObject({ shape, storedAs: type, file });
      expect(tensor.byteOffset % 32).toBe(0);
      expect(await readTensorBytes(tensor)).toEqual(expected);
    }
    expect(gguf.tensors.get("a.weight")!.dtype).toBe("f32");
    expect(gguf.tensors.get("c.weight")!.dtype).toBe("q4_0");
    expect(gguf.tensors.get("d.weight")!.dtype).toBeUndefined();
  });

  it("is refused where it would not fit, and nothing is left behind", async () => {
    const file = join(folder, "bad.gguf");
    const write = (source: Partial<GgufTensorSource>, more: GgufTensorSource[] = []) =>
      writeGguf(file, [{ ...tensors[0]!, ...source }, ...more], { metadata: {} });
    await expect(write({ shape: [7] })).rejects.toThrow(/a.weight: gave 24 bytes.*need 28/);
    await expect(write({ type: "q8_0" })).rejects.toThrow(/blocks of 32 elements along a row, but rows have 3/);
    await expect(write({}, [tensors[0]!])).rejects.toThrow(/two tensors are named "a.weight"/);
    await expect(openGguf(file)).rejects.toThrow(/no such file/);
  });
});

describe("what others write", () => {
  const parse = (bytes: GgufBytes, fileBytes?: number) => {
    const whole = bytes.whole();
    return parseGguf("x.gguf", whole, fileBytes ?? whole.length);
  };

  it("has values of every type, and lists of lists", () => {
    const bytes = new GgufBytes().head(2, 0, 15);
    bytes.key("u8", 0).number("u8", 255).key("i8", 1).number("i8", -1).key("u16", 2).number("u16", 65535);
    bytes.key("i16", 3).number("i16", -2).key("i32", 5).number("i32", -3).key("f64", 12).number("f64", 0.1);
    bytes
      .key("u64", 10)
      .u64(2n ** 64n - 1n)
      .key("small", 10)
      .u64(5n)
      .key("i64", 11)
      .u64(BigInt.asUintN(64, -9n));
    bytes.key("bool", 7).number("u8", 1).key("bytes", 9).u32(0).u64(2n).number("u8", 3).number("u8", 4);
    bytes.key("halves", 9).u32(3).u64(1n).number("i16", -5).key("doubles", 9).u32(12).u64(1n).number("f64", 0.3);
    bytes
      .key("longs", 9)
      .u32(10)
      .u64(2n)
      .u64(1n)
      .u64(2n ** 60n + 1n);
    bytes.key("lists", 9).u32(9).u64(2n).u32(7).u64(1n).number("u8", 0).u32(8).u64(1n).string("x");
    expect(Object.fromEntries(parse(bytes).metadata)).toEqual({
      u8: 255,
      i8: -1,
      u16: 65535,
      i16: -2,
      i32: -3,
      f64: 0.1,
      u64: 2n ** 64n - 1n,
      small: 5,
      i64: -9,
      bool: true,
      bytes: Uint8Array.of(3, 4),
      halves: Int16Array.of(-5),
      doubles: Float64Array.of(0.3),
      longs: [1, 2n ** 60n + 1n],
      lists: [[false], ["x"]],
    });
  });

  it("may be aligned otherwise, with holes between tensors", () => {
    const bytes = new GgufBytes().head(3, 2, 1).key("general.alignment", 4).u32(64);
    bytes.tensor("a", [2], 0, 128n).tensor("b", [1], 0, 0n);
    const head = bytes.whole().length;
    const { tensors: found } = parse(bytes.pad(64).data(136));
    const start = Math.ceil(head / 64) * 64;
    expect(found.get("a")).toMatchObject({ byteOffset: start + 128, bytes: 8, shape: [2] });
    expect(found.get("b")).toMatchObject({ byteOffset: start, bytes: 4 });
  });

  test.each<[string, GgufBytes, RegExp]>([
    ["another file", new GgufBytes().u32(1).u32(3), /does not begin with "GGUF"/],
    ["version 1", new GgufBytes().head(1, 0, 0), /version 1, which is not read/],
    ["version 4", new GgufBytes().head(4, 0, 0), /version 4; 2 and 3 are read/],
    ["big-endian", new GgufBytes().head(0x03000000, 0, 0), /big-endian/],
    ["absurd tensors", new GgufBytes().head(3, 2 ** 40, 0), /list of 1099511627776 tensors needs at least/],
    ["absurd values", new GgufBytes().head(3, 0, 2 ** 40), /list of 1099511627776 metadata values needs/],
    [
      "impossible count",
      new GgufBytes()
        .magic(3)
        .u64(2n ** 63n)
        .u64(0n),
      /number of tensors is 9223372036854775808/,
    ],
    [
      "absurd string",
      new GgufBytes()
        .head(3, 0, 1)
        .u64(2n ** 50n)
        .data(20),
      /needs at least 1125899906842624 bytes/,
    ],
    [
      "absurd list",
      new GgufBytes()
        .head(3, 0, 1)
        .key("k", 9)
        .u32(4)
        .u64(2n ** 40n),
      /list "k" of 1099511627776/,
    ],
    ["doubled value", new GgufBytes().head(3, 0, 2).key("k", 0).data(1).key("k", 0).data(1), /two metadata values/],
    ["unknown value", new GgufBytes().head(3, 0, 1).key("k", 13).data(8), /"k" is of type 13/],
    ["deep lists", deepList(), /"k" is nested too deeply/],
    ["unknown type", one("t", [2], 99), /tensor "t": is of ggml type 99, which is not known/],
    ["removed type", one("t", [2], 4), /type 4, which is not known/],
    ["dimensions", one("t", [1, 1, 1, 1, 1], 0), /5 dimensions/],
    ["impossible size", one("t", [2n ** 60n], 0), /size of tensor "t" is 1152921504606846976/],
    ["overflowing product", one("t", [2n ** 40n, 2n ** 40n], 0), /too large to exist/],
    ["broken block", one("t", [48], 8), /blocks of 32 elements along a row, but the shape is \[48\]/],
    ["misaligned", one("t", [2], 0, 16n), /offset 16 is no multiple of the alignment, 32/],
    ["outside", one("t", [20], 0, 32n), /ends at byte \d+, but the file has \d+/],
    ["far outside", one("t", [2], 0, 2n ** 52n), /ends at byte/],
    ["doubled", two("t", "t", 0n, 32n), /tensor "t": is there twice/],
    ["overlap", two("t", "u", 0n, 0n), /tensors "t" and "u" overlap/],
    [
      "alignment",
      new GgufBytes().head(3, 0, 1).key("general.alignment", 4).u32(48),
      /alignment is 48; expected a power/,
    ],
    ["alignment's type", new GgufBytes().head(3, 0, 1).key("general.alignment", 8).string("x"), /alignment is x/],
  ])("%s is refused", (_name, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
    expect(() => parse(bytes)).toThrow(expect.objectContaining({ code: "checkpoint" }));
  });

  test("cut short, at every length, whether all of it is at hand or not", async () => {
    const path = join(folder, "cut.gguf");
    await writeGguf(path, tensors, { metadata });
    const whole = await readFile(path);
    const { byteOffset, bytes } = (await openGguf(path)).tensors.get("d.weight")!;
    for (let length = byteOffset + bytes - 1; length >= 0; length--) {
      await truncate(path, length);
      await expect(openGguf(path)).rejects.toMatchObject({ code: "checkpoint" });
      // With the rest still in the file, more of it is asked for, or nothing is amiss.
      try {
        parseGguf(path, whole.subarray(0, length), whole.length);
      } catch (error) {
        expect(error).toBeInstanceOf(HeadTooShort);
      }
    }
  });

  test("whatever the bytes: an error with a code or a head, never anything else", async () => {
    const path = join(folder, "fuzz.gguf");
    await writeGguf(path, tensors, { metadata });
    const whole = await readFile(path);
    const check = (bytes: Uint8Array) => {
      try {
        for (const tensor of parseGguf("f", bytes, bytes.length).tensors.values())
          expect(tensor.byteOffset + tensor.bytes).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toMatchObject({ code: "checkpoint" });
      }
    };
    const change = fc.record({ at: fc.nat(700), byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 255)) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
        check(bytes);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => check(new GgufBytes().magic(3).raw(tail).whole())),
      { numRuns: 500 },
    );
  });

  it("no file, or a folder, is a clear error", async () => {
    await expect(openGguf(join(folder, "none.gguf"))).rejects.toThrow(/no such file/);
    await expect(openGguf(folder)).rejects.toMatchObject({ code: "checkpoint" });
  });
});

describe("a model in several files", () => {
  const name = (no: number, count = 3) => join(folder, `part-0000${no}-of-0000${count}.gguf`);
  const write = (no: number, change: object = {}, content = [tensors[no - 1]!]) =>
    writeGguf(name(no), content, {
      metadata: { "split.no": no - 1, "split.count": 3, "split.tensors.count": 3, ...change },
    });

  it("is opened by its first", async () => {
    for (const no of [1, 2, 3]) await write(no);
    const { files, tensors: found } = await openGguf(name(1));
    expect(files).toEqual([1, 2, 3].map((no) => name(no)));
    expect([...found].map(([key, { file }]) => [key, file])).toEqual([
      ["a.weight", name(1)],
      ["b.weight", name(2)],
      ["c.weight", name(3)],
    ]);
    await expect(openGguf(name(2))).rejects.toThrow(/is file 2 of 3 of a model; open the first, part-00001-of-00003/);
  });

  it("is refused where its files contradict each other", async () => {
    for (const no of [1, 2, 3]) await write(no);
    await write(2, { "split.no": 2 });
    await expect(openGguf(name(1))).rejects.toThrow(/part-00002.*says that it is file 2 of 3.*make it 1 of 3/);
    await write(2, {}, [tensors[0]!]);
    await expect(openGguf(name(1))).rejects.toThrow(/part-00002.*"a.weight", which an earlier file holds too/);
    await write(2, {}, []);
    await expect(openGguf(name(1))).rejects.toThrow(/promises 3 tensors in all, but its 3 files hold 2/);
    await rm(name(3));
    await expect(openGguf(name(1))).rejects.toThrow(/part-00003-of-00003.gguf: there is no such file/);
    await writeFile(join(folder, "odd.gguf"), await readFile(name(1)));
    await expect(openGguf(join(folder, "odd.gguf"))).rejects.toThrow(/names must end in -00001-of-00003.gguf/);
    await write(1, { "split.count": "three" });
    await expect(openGguf(name(1))).rejects.toThrow(/split.count is three; expected/);
  });
});

function one(name: string, sizes: (number | bigint)[], type: number, offset = 0n): GgufBytes {
  return new GgufBytes().head(3, 1, 0).tensor(name, sizes, type, offset).pad(32).data(64);
}

function two(first: string, second: string, firstOffset: bigint, secondOffset: bigint): GgufBytes {
  const bytes = new GgufBytes().head(3, 2, 0).tensor(first, [2], ggmlTypes.f32.id, firstOffset);
  return bytes.tensor(second, [2], ggmlTypes.f32.id, secondOffset).pad(32).data(64);
}

function deepList(): GgufBytes {
  const bytes = new GgufBytes().head(3, 0, 1).key("k", 9);
  for (let i = 0; i < 50; i++) bytes.u32(9).u64(1n);
  return bytes.u32(0).u64(0n);
}
