import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Device } from "@whittle/core";
import { cpu } from "@whittle/kernels";
import { floatCache } from "@whittle/kvcache";
import { loadModel, type LoadedModel, perplexity } from "@whittle/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allLogits, greedy } from "./greedy.js";

// Trained models beside this repository, with what transformers makes of them. Not everyone has them.
const shared = fileURLToPath(new URL("../../../../shared/", import.meta.url));
const names = ["books-5m", "stories260k", "babyllama-1m"].filter((name) =>
  existsSync(`${shared}models/${name}/reference.json`),
);

interface Reference {
  readonly greedy: readonly { prompt: string; promptIds: number[]; greedyIds: number[]; text: string }[];
  readonly perplexity: Readonly<Record<string, number>>;
  readonly logits: { readonly promptIds?: number[]; readonly ids?: number[]; readonly lastRow: number[] };
}

describe.skipIf(names.length === 0)("as in transformers", () => {
  describe.each(names)("%s", (name) => {
    const {
      greedy: texts,
      perplexity: scored,
      logits,
    } = JSON.parse(readFileSync(`${shared}models/${name}/reference.json`, "utf8")) as Reference;
    let device: Device;
    let loaded: LoadedModel;
    beforeAll(async () => {
      device = await cpu();
      loaded = await loadModel(`${shared}models/${name}`, { device });
    });
    afterAll(() => device.close());

    it("continues the prompts", async () => {
      const jobs = texts.map(({ promptIds, greedyIds }) => ({ prompt: promptIds, tokens: greedyIds.length }));
      const added = await greedy(loaded.model, device, jobs, { cache: floatCache() });
      texts.forEach(({ prompt, promptIds, greedyIds, text }, i) => {
        expect([...loaded.tokenizer.encode(prompt)]).toEqual(promptIds);
        expect(added[i]).toEqual(greedyIds);
        expect(loaded.tokenizer.decode([...promptIds, ...added[i]!])).toBe(text);
      });
    });

    it("has the logits", async () => {
      const ids = logits.ids ?? logits.promptIds!;
      const rows = await allLogits(loaded.model, device, ids);
      const last = rows.subarray(-loaded.config.vocabSize);
      const largest = Math.max(...logits.lastRow.map(Math.abs));
      // The reference is rounded to five decimals.
      logits.lastRow.forEach((value, i) => expect(Math.abs(last[i]! - value)).toBeLessThan(1e-5 * largest));
      expect(last.length).toBe(logits.lastRow.length);
    });

    it("has the perplexity", { timeout: 300_000 }, async () => {
      const bos = loaded.config.bosTokenId!;
      if (scored["windowTokens"]) {
        const text = readFileSync(`${shared}data/text/books/valid.txt`, "utf8").slice(0, scored["characters"]);
        const result = await perplexity(loaded, loaded.tokenizer.encode(text), {
          window: scored["windowTokens"],
          stride: scored["stride"]!,
        });
        expect(result).toMatchObject({ tokens: scored["tokens"], nll: expect.closeTo(scored["nll"]!, 5) });
        expect((result.nll * result.tokens) / Math.LN2 / Buffer.byteLength(text)).toBeCloseTo(
          scored["bitsPerByte"]!,
          5,
        );
      } else {
        // The text's own BOS was scored as well; 40 windows were begun, but only the whole ones counted.
        const text = readFileSync(`${shared}data/text/tinystories_val.txt`, "utf8")
          .slice(0, 60_000)
          .replace(/\n{2,}/g, "\n");
        const ids = loaded.tokenizer.encode(text).subarray(0, scored["tokens"]);
        const result = await perplexity(loaded, ids, { window: scored["window"]!, bos });
        expect(result).toMatchObject({ tokens: scored["tokens"], perplexity: expect.closeTo(scored["value"]!, 4) });
      }
    });
  });
});
