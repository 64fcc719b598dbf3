import { expect, test } from "vitest";
import { modelSource } from "./model-source.js";

test.each([
  ["./my-model", { folder: "./my-model" }],
  ["small=./a", { name: "small", folder: "./a" }],
  ["small=./a=b", { name: "small", folder: "./a=b" }],
  ["./odd=name", { folder: "./odd=name" }],
  ["C:\\models\\a=b", { folder: "C:\\models\\a=b" }],
])("%s", (text, source) => expect(modelSource(text)).toEqual(source));
