import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, whittle } from "./whittle.js";

// Real models beside the repository, with what transformers makes of them in float32. A clone alone has none of this.
const shared = path.join(root, "..", "shared");
if (!existsSync(shared)) console.log("The real models beside the repository are absent: their tests are skipped.");

interface Reference {
  readonly greedy: readonly { readonly prompt: string; readonly greedyIds: readonly number[]; readonly text: string }[];
}

/** How each reference's perplexity was computed. */
const evaluations = [
  { name: "books-5m", perplexity: 41.2254302132598, tokens: 34715, options: ["--window", "512"] },
  {
    name: "stories260k",
    perplexity: 4.127969078792249,
    tokens: 9984,
    options: ["--window", "256", "--bos", "--max-tokens", "9984"],
  },
  {
    name: "babyllama-1m",
    perplexity: 2.4926749619001325,
    tokens: 4992,
    options: ["--window", "128", "--bos", "--max-tokens", "4992"],
  },
];

describe.skipIf(!existsSync(shared)).each(evaluations)("on $name", ({ name, perplexity, tokens, options }) => {
  const folder = path.join(shared, "models", name);
  let scratch: string;
  beforeAll(() => void (scratch = mkdtempSync(path.join(tmpdir(), "whittle-reference-"))));
  afterAll(() => rmSync(scratch, { recursive: true }));

  function scoredText(): string {
    if (name === "books-5m")
      return readFileSync(path.join(shared, "data/text/books/valid.txt"), "utf8").slice(0, 120_000);
    return readFileSync(path.join(shared, "data/text/tinystories_val.txt"), "utf8").replace(/\n\s*\n/g, "\n");
  }

  test("whittle eval gives transformers' perplexity", async () => {
    const file = path.join(scratch, "text.txt");
    writeFileSync(file, scoredText());
    const { out } = await whittle(["eval", folder, file, "--json", ...options]);
    const result = JSON.parse(out) as { perplexity: number; tokens: number };
    expect(result.tokens).toBe(tokens);
    expect(Math.abs(result.perplexity / perplexity - 1)).toBeLessThan(1e-5);
  });

  test("whittle generate gives transformers' greedy text", async () => {
    const { greedy } = JSON.parse(readFileSync(path.join(folder, "reference.json"), "utf8")) as Reference;
    for (const { prompt, greedyIds, text } of greedy.slice(0, 3)) {
      const greedily = ["--temperature", "0", "--max-tokens", `${greedyIds.length}`];
      const { out } = await whittle(["generate", folder, "--prompt", prompt, ...greedily]);
      expect(`${prompt}${out}`).toBe(`${text}\n`);
    }
  });
});
