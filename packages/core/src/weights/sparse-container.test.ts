import { mkdtemp, rm, readFile, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encode } from "../dtypes.js";
import { reference } from "../reference-device.js";
import { openCheckpoint, type TensorSource, writeCheckpoint, writeSafetensors } from "../safetensors/index.js";
import { sparse24 } from "./sparse-24.js";
import {
  mapSparseWeight,
  readSparseWeight,
  sparseMetadata,
  sparseTensors,
  sparseWeightsOf,
} from "./sparse-container.js";
import { type HostPart, type SparseFormat } from "./sparse-format.js";
import { sparseMask } from "./sparse-mask.js";
import { packSparse, unpackSparse } from "./sparse-weight.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-sparse-"));
});
afterAll(() => rm(folder, { recursive: true }));

const matrix: HostPart = {
  dtype: "bf16",
  shape: [3, 10],
  bytes: encode(
    "bf16",
    Array.from({ length: 30 }, (_, i) => ((i % 10) % 4 < 2 ? i + 1 : 0)),
  ),
};
const weights = new Map<
  string,
  { format: SparseFormat; shape: readonly number[]; parts: Readonly<Record<string, HostPart>> }
>([
  ["a.weight", { format: sparse24, shape: matrix.shape, parts: packSparse(sparse24, matrix) }],
  ["b.weight", { format: sparseMask, shape: matrix.shape, parts: packSparse(sparseMask, matrix) }],
  ["c.weight", { format: sparseMask, shape: matrix.shape, parts: packSparse(sparseMask, matrix, "i8") }],
]);
const plain: TensorSource = { name: "plain", dtype: "f32", shape: [2], bytes: () => encode("f32", [1, 2]) };
const tensors = [...weights].flatMap(([name, { format, parts }]) => sparseTensors(name, format, parts));
const metadata = sparseMetadata(weights);

test.each([Infinity, 60])("weights come back from files of at most %d bytes", async (maxShardBytes) => {
  const path = await mkdtemp(join(folder, "whole-"));
  await writeCheckpoint(path, [plain, ...tensors], { metadata, maxShardBytes });
  const checkpoint = await openCheckpoint(path);
  const stored = sparseWeightsOf(checkpoint);
  expect([...stored.keys()]).toEqual(["a.weight", "b.weight", "c.weight"]);
  const device = reference();
  for (const [name, { format, shape, parts }] of weights) {
    const weight = stored.get(name)!;
    expect(weight.bytes).toBe(Object.values(parts).reduce((sum, { bytes }) => sum + bytes.length, 0));
    const read = await readSparseWeight(weight);
    expect(unpackSparse(format, read, shape)).toEqual(unpackSparse(format, parts, shape));
    const mapped = await mapSparseWeight(weight, device);
    for (const [part, tensor] of Object.entries(mapped.parts))
      expect(await tensor.readBytes()).toEqual(parts[part]!.bytes);
  }
  expect(sparseWeightsOf({ ...checkpoint, metadata: {} }).size).toBe(0);
});

test.each([
  ["not JSON", "{", /is not JSON/],
  ["another version", '{"version":2,"weights":{}}', /of version 2, expected 1/],
  ["no weights", '{"version":1}', /no weights object/],
  ["a list", '{"version":1,"weights":{"a.weight":[]}}', /its format is undefined/],
  [
    "an unknown format",
    '{"version":1,"weights":{"a.weight":{"format":"toString","shape":[3,10]}}}',
    /its format is "toString"/,
  ],
  ["no shape", '{"version":1,"weights":{"a.weight":{"format":"sparse24"}}}', /its shape is undefined/],
  ["a huge shape", '{"version":1,"weights":{"a.weight":{"format":"sparse24","shape":[9e15,9e15]}}}', /its shape is/],
  [
    "another shape",
    '{"version":1,"weights":{"a.weight":{"format":"sparse24","shape":[3,16]}}}',
    /values are \[3, 6\], expected \[3, 8\]/,
  ],
  [
    "the wrong format",
    '{"version":1,"weights":{"a.weight":{"format":"sparseMask","shape":[3,10]}}}',
    /values are \[3, 6\], expected/,
  ],
  ["no parts", '{"version":1,"weights":{"d.weight":{"format":"sparse24","shape":[3,10]}}}', /values are missing/],
  [
    "a matrix besides",
    '{"version":1,"weights":{"plain":{"format":"sparse24","shape":[3,10]}}}',
    /stored as a matrix as well/,
  ],
])("metadata that is %s is a clear error", async (_, text, message) => {
  const path = join(folder, "bad.safetensors");
  await writeSafetensors(path, [plain, ...tensors], { metadata: { "whittle.sparse": text } });
  const checkpoint = await openCheckpoint(path);
  expect(() => sparseWeightsOf(checkpoint)).toThrow(expect.objectContaining({ code: "checkpoint" }));
  expect(() => sparseWeightsOf(checkpoint)).toThrow(message);
});

test.each([
  ["a.weight.indices", "a.weight", /do not ascend/],
  ["b.weight.mask", "b.weight", /bits/],
  ["c.weight.offsets", "c.weight", /begins at value/],
])("a spoilt byte of %s is found before anything is mapped", async (part, name, message) => {
  const path = join(folder, "spoilt.safetensors");
  const spoilt = tensors.map((tensor) => {
    if (tensor.name !== part) return tensor;
    const bytes = (tensor.bytes() as Uint8Array).slice();
    bytes[0] = 0xff;
    return { ...tensor, bytes: () => bytes };
  });
  await writeSafetensors(path, spoilt, { metadata });
  const stored = sparseWeightsOf(await openCheckpoint(path)).get(name)!;
  await expect(mapSparseWeight(stored, reference())).rejects.toMatchObject({
    code: "checkpoint",
    message: expect.stringMatching(message) as string,
  });
  await expect(readSparseWeight(stored)).rejects.toMatchObject({ code: "checkpoint" });
});

test("a file cut short, at every length, is an error with a code", async () => {
  const path = join(folder, "cut.safetensors");
  await writeSafetensors(path, tensors, { metadata });
  for (let length = (await readFile(path)).byteLength - 1; length >= 0; length -= 7) {
    await truncate(path, length);
    await expect(openCheckpoint(path).then(sparseWeightsOf)).rejects.toMatchObject({ code: "checkpoint" });
  }
});
