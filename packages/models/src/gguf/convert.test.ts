import { fileURLToPath } from "node:url";
import { decode, encode, readTensorBytes } from "@whittle/core";
import { expect, it } from "vitest";
import { conversionOf } from "./convert.js";
import { dtypeOf, ggmlTypes } from "./ggml-types.js";
import { openGguf } from "./open-gguf.js";

// Written by llama.cpp's own Python side (tools/goldens/gguf_fixtures.py), and what that decodes them to.
const { tensors } = await openGguf(fileURLToPath(new URL("../../fixtures/gguf/types.gguf", import.meta.url)));
const names = [...tensors.keys()].filter((name) => !name.endsWith(".decoded"));

async function read(name: string) {
  const tensor = tensors.get(name)!;
  return { tensor, bytes: await readTensorBytes(tensor) };
}

it("has every type that is converted, and such that are not", () => {
  const converted = Object.values(ggmlTypes).filter(({ name }) => conversionOf(name));
  expect(names.map((name) => tensors.get(name)!.type.name).sort()).toEqual(
    [...converted.map(({ name }) => name), "q4_0", "q8_0"].sort(),
  );
  for (const type of converted) expect(dtypeOf(type)).toBeUndefined();
});

it.each(names)("%s becomes what ggml decodes", async (name) => {
  const { tensor, bytes } = await read(name);
  const expected = decode("f32", (await read(`${name}.decoded`)).bytes) as Float32Array;
  expect(new Set(expected).size).toBeGreaterThan(200);
  const conversion = conversionOf(tensor.type.name);
  const dtype = conversion?.dtype ?? tensor.dtype!;
  const values = decode(dtype, conversion ? conversion.convert(bytes) : bytes) as Float32Array;
  // Bits, so that a zero's sign counts for floats; codes have no −0.
  if (dtype === "f16") expect(values).toEqual(decode("f16", encode("f16", expected)));
  else expect(values.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
  expect(conversion?.convert.exact ?? true).toBe(dtype !== "f16");
});
