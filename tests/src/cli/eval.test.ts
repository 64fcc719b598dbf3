import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { model, whittle } from "./whittle.js";

const english =
  "It was a dark night, and the old house stood alone on the hill. The wind came up from the sea, and nobody in the village slept. ".repeat(
    12,
  );

interface Report {
  readonly tokens: number;
  readonly nll: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
}

describe("whittle eval", () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), "whittle-eval-"))));
  afterAll(() => rmSync(folder, { recursive: true }));

  function textFile(name: string, text: string): string {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  async function evaluate(file: string, ...options: string[]): Promise<Report> {
    const { code, out, err } = await whittle(["eval", model, file, "--json", ...options]);
    expect(err).not.toContain("whittle:");
    expect(code).toBe(0);
    return JSON.parse(out) as Report;
  }

  test("reports perplexity, the mean of the windows' negative log likelihoods, and bits per byte", async () => {
    const report = await evaluate(textFile("english.txt", english));
    expect(report.perplexity).toBeCloseTo(Math.exp(report.nll), 6);
    expect(report.bitsPerByte).toBeCloseTo((report.nll * report.tokens) / Math.LN2 / english.length, 6);
    // A text that repeats itself is easy, but not certain.
    expect(report.perplexity).toBeGreaterThan(1.05);
    expect(report.perplexity).toBeLessThan(30);
  });

  test("rounds activations to bf16 if told to, says so, and scores nearly the same", async () => {
    const file = textFile("rounded.txt", english);
    const exact = await evaluate(file);
    const rounded = await whittle(["eval", model, file, "--json", "--bf16-activations"]);
    expect(rounded.err).toContain("43 weights in bf16: activations rounded to bf16 (--bf16-activations)");
    const { nll } = JSON.parse(rounded.out) as Report;
    expect(nll).not.toBe(exact.nll);
    expect(Math.abs(nll / exact.nll - 1)).toBeLessThan(0.01);
  });

  test("more context before each token makes an English text likelier", async () => {
    const file = textFile("windows.txt", english);
    const disjoint = await evaluate(file, "--window", "64", "--stride", "64");
    const sliding = await evaluate(file, "--window", "64", "--stride", "16");
    expect(sliding.tokens).toBe(disjoint.tokens);
    expect(sliding.nll).toBeLessThan(disjoint.nll);
  });

  test("--max-tokens scores only the beginning", async () => {
    expect((await evaluate(textFile("long.txt", english), "--max-tokens", "100")).tokens).toBeLessThanOrEqual(100);
  });

  test("for people: one line a figure on stdout, progress on stderr", async () => {
    const { out, err } = await whittle(["eval", model, textFile("people.txt", english)]);
    expect(out).toMatch(/^perplexity +[\d.]+$/m);
    expect(out).toMatch(/^bits per byte +[\d.]+$/m);
    expect(err).not.toBe("");
  });
});
