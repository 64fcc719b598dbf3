import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encode } from "../dtypes.js";
import { reference } from "../reference-device.js";
import {
  openCheckpoint,
  parseHeader,
  readTensorBytes,
  type TensorSource,
  writeCheckpoint,
  writeSafetensors,
} from "./index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors: TensorSource[] = [
  { name: "a", dtype: "f32", shape: [2, 3], bytes: () => encode("f32", [1, 2, 3, 4, 5, 6]) },
  { name: "b.weight", dtype: "bf16", shape: [3], bytes: () => encode("bf16", [1, -2, 0.5]) },
  { name: "empty", dtype: "i32", shape: [0, 4], bytes: () => new Uint8Array() },
  {
    name: "__proto__",
    dtype: "u8",
    shape: [2],
    *bytes() {
      yield Uint8Array.of(7);
      yield Uint8Array.of(8);
    },
  },
];

const header = (root: unknown, dataBytes: number) =>
  parseHeader("f", new TextEncoder().encode(typeof root === "string" ? root : JSON.stringify(root)), dataBytes);
const entry = (over: object = {}) => ({ t: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16], ...over } });

describe("a checkpoint", () => {
  test("comes back as it was written, in one file", async () => {
    const path = join(folder, "one.safetensors");
    await writeSafetensors(path, tensors, { metadata: { made: "here" } });
    const checkpoint = await openCheckpoint(path);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(["__proto__", "a", "b.weight", "empty"]);
    expect(checkpoint.metadata).toEqual({ made: "here" });
    const stored = checkpoint.tensors.get("b.weight")!;
    expect(await readTensorBytes(stored)).toEqual(encode("bf16", [1, -2, 0.5]));
    const device = reference();
    const mapped = await device.map(stored.file, stored.byteOffset, stored.dtype!, stored.shape);
    expect([...(await mapped.read())]).toEqual([1, -2, 0.5]);
    expect(await readTensorBytes(checkpoint.tensors.get("__proto__")!)).toEqual(Uint8Array.of(7, 8));
  });

  test("comes back from shards", async () => {
    const sharded = await mkdtemp(join(folder, "sharded-"));
    await writeCheckpoint(sharded, tensors, { maxShardBytes: 24 });
    expect((await readdir(sharded)).length).toBeGreaterThan(2);
    const checkpoint = await openCheckpoint(sharded);
    expect(await readTensorBytes(checkpoint.tensors.get("a")!)).toEqual(encode("f32", [1, 2, 3, 4, 5, 6]));
    expect(checkpoint.tensors.size).toBe(4);
  });

  test("is not left half written, and refuses wrong sizes and doubled names", async () => {
    const path = join(folder, "bad.safetensors");
    const short: TensorSource = { name: "short", dtype: "f32", shape: [2], bytes: () => new Uint8Array(4) };
    await expect(writeSafetensors(path, [short])).rejects.toThrow(/short: gave 4 bytes.*need 8/);
    await expect(writeSafetensors(path, [tensors[0]!, tensors[0]!])).rejects.toThrow(/two tensors are named "a"/);
    expect((await readdir(folder)).filter((name) => name.startsWith("bad"))).toEqual([]);
  });
});

describe("a bad file is a clear error", () => {
  test.each([
    ["not JSON", "{", 0, /not JSON/],
    ["not an object", "[1]", 0, /not a JSON object/],
    ["unknown dtype", entry({ dtype: "F7" }), 16, /tensor "t": unknown dtype "F7"/],
    ["inherited dtype name", entry({ dtype: "toString" }), 16, /unknown dtype/],
    ["negative size", entry({ shape: [-2, -2] }), 16, /shape must be/],
    ["fraction", entry({ shape: [0.5, 8] }), 16, /shape must be/],
    ["overflowing product", entry({ shape: [2 ** 40, 2 ** 40] }), 16, /too large to exist/],
    ["offsets outside", entry({ data_offsets: [0, 17] }), 16, /outside of the file's 16 bytes/],
    ["offsets reversed", entry({ data_offsets: [16, 0] }), 16, /outside of/],
    ["wrong span", entry({ data_offsets: [0, 12] }), 16, /span 12 bytes, but F32 \[2, 2\] has 16/],
    ["trailing bytes", entry(), 20, /4 bytes at the end belong to no tensor/],
    ["overlap", { ...entry(), u: entry().t }, 16, /overlaps/],
    ["hole", { ...entry(), u: { ...entry().t, data_offsets: [20, 36] } }, 36, /hole/],
    ["metadata", { __metadata__: { a: 1 } }, 0, /__metadata__ must map strings to strings/],
  ])("%s", (_name, root, bytes, message) => {
    expect(() => header(root, bytes)).toThrow(message);
  });

  test("cut short, at every length", async () => {
    const path = join(folder, "cut.safetensors");
    await writeSafetensors(path, tensors);
    const whole = (await readFile(path)).byteLength;
    for (let length = whole - 1; length >= 0; length--) {
      await truncate(path, length);
      await expect(openCheckpoint(path)).rejects.toMatchObject({ code: "checkpoint" });
    }
  });

  test("an absurd header length, a missing file, an empty folder, a shard outside of the folder", async () => {
    const path = join(folder, "huge.safetensors");
    await writeFile(path, Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 123, 125));
    await expect(openCheckpoint(path)).rejects.toThrow(/claims 18446744073709551615 bytes/);
    await expect(openCheckpoint(join(folder, "none"))).rejects.toThrow(/no such file or folder/);
    const empty = await mkdtemp(join(folder, "empty-"));
    await expect(openCheckpoint(empty)).rejects.toThrow(/neither model.safetensors nor/);
    await writeFile(
      join(empty, "model.safetensors.index.json"),
      JSON.stringify({ weight_map: { a: "../cut.safetensors" } }),
    );
    await expect(openCheckpoint(empty)).rejects.toThrow(/not the name of a .safetensors file beside it/);
  });

  test("whatever the bytes: an error with a code or a header, never anything else", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.integer(),
      fc.constantFrom("F32", "BF16", [2, 2], [0, 16], 2 ** 60, -1, null),
    );
    const hostile = fc.dictionary(
      fc.string(),
      fc.record({ dtype: value, shape: value, data_offsets: value }, { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(fc.oneof(hostile, fc.jsonValue(), fc.string()), fc.nat(64), (root, bytes) => {
        try {
          header(root, bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "checkpoint" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
