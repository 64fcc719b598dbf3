import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertToGguf } from "@whittle/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { byteLevelMetadata } from "../goldens/gguf-tokens.js";
import reference from "../../fixtures/greedy/books-5m.json" with { type: "json" };
import { whittle } from "./whittle.js";

const model = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-cli-gguf-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function ggufOf(dtype: "stored" | "q8_0"): Promise<string> {
  const file = join(folder, `${dtype}.gguf`);
  await convertToGguf(model, file, { typeOf: () => dtype, metadata: await byteLevelMetadata(model) });
  return file;
}

test("whittle generate writes transformers' greedy text from a GGUF file too", async () => {
  const { prompt, tokens, text } = reference.greedy[0]!;
  const greedy = ["--prompt", prompt, "--temperature", "0", "--max-tokens", `${tokens}`];
  const { code, out, err } = await whittle(["generate", await ggufOf("stored"), ...greedy]);
  expect(`${prompt}${out}`).toBe(`${text}\n`);
  expect(err).toMatch(/^stored loaded in/m);
  expect(code).toBe(0);
});

test("activations are rounded where the file has blocks, and that is said", async () => {
  const [file, text] = [await ggufOf("q8_0"), join(folder, "text.txt")];
  await writeFile(text, "It was a dark night, and the sea was calm. ".repeat(20));
  const [rounded, exact] = [
    await whittle(["eval", file, text]),
    await whittle(["eval", file, text, "--exact-activations"]),
  ];
  expect(rounded.err).toContain("weights in q8_0: activations rounded to 8 bits (not with --exact-activations)");
  expect(exact.err).not.toContain("rounded");
  const perplexity = ({ out }: { out: string }) => Number(/perplexity\D*([\d.]+)/.exec(out)![1]);
  expect(Math.abs(perplexity(rounded) / perplexity(exact) - 1)).toBeLessThan(0.01);
});

test("a file that is no GGUF is one line", async () => {
  const file = join(folder, "text.gguf");
  await writeFile(file, "not a model");
  const { code, err } = await whittle(["generate", file, "--prompt", "x"]);
  expect(err).toContain(`${file}: does not begin with "GGUF" (not a GGUF file)`);
  expect(code).toBe(1);
});
