import { describe, expect, test } from "vitest";
import reference from "../../fixtures/greedy/books-5m.json" with { type: "json" };
import { model, startWhittle, whittle } from "./whittle.js";

describe("whittle generate", () => {
  test.each(reference.greedy)("writes transformers' greedy text after $prompt", async ({ prompt, tokens, text }) => {
    const { code, out, err } = await whittle([
      "generate",
      model,
      "--prompt",
      prompt,
      "--temperature",
      "0",
      "--max-tokens",
      `${tokens}`,
    ]);
    expect(`${prompt}${out}`).toBe(`${text}\n`);
    expect(err).toMatch(/^prompt: \d+ tokens in [\d.]+ s, [\d.]+ tokens\/s$/m);
    expect(err).toMatch(new RegExp(String.raw`^text: ${tokens - 1} tokens in [\d.]+ s, [\d.]+ tokens/s$`, "m"));
    expect(code).toBe(0);
  });

  test("takes the prompt from a pipe and stops at a stop text", async () => {
    const { prompt, text } = reference.greedy[0]!;
    const { out } = await whittle(
      ["generate", model, "--temperature", "0", "--stop", "garden", "--stop", "never"],
      `${prompt}\n`,
    );
    expect(`${prompt}${out}`).toBe(`${text.slice(0, text.indexOf("garden"))}\n`);
  });

  test("draws the same text with the same seed, and others with others", async () => {
    const draw = async (seed: number) =>
      (await whittle(["generate", model, "--prompt", "The sea", "--seed", `${seed}`, "--max-tokens", "20"])).out;
    const [first, again, other] = [await draw(7), await draw(7), await draw(8)];
    expect(first.length).toBeGreaterThan(20);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("answers a chat with the model's template", async () => {
    const chat = ["generate", model, "--temperature", "0", "--max-tokens", "12", "--prompt", "The sea was calm."];
    const { code, out } = await whittle([...chat, "--chat"]);
    expect(code).toBe(0);
    // The template puts an empty line after the message.
    expect(out).toBe(
      (await whittle(["generate", model, "--temperature", "0", "--max-tokens", "12"], "The sea was calm.\n\n\n")).out,
    );
  });

  test("Ctrl-C ends the line, prints the figures and exits with 130", async () => {
    const running = startWhittle(["generate", model, "--prompt", "It was", "--temperature", "0"]);
    await running.until(/ \w+ /);
    running.child.kill("SIGINT");
    const { code, out, err } = await running.ended;
    expect(code).toBe(130);
    expect(out.endsWith("\n")).toBe(true);
    expect(err).toMatch(/^text: \d+ tokens?/m);
    expect(err).not.toContain("    at ");
  });

  test("ends in silence when the reader of its pipe leaves", async () => {
    const running = startWhittle(["generate", model, "--prompt", "It was", "--temperature", "0"]);
    await running.until(/^ \w+/);
    running.child.stdout!.destroy();
    const { code, err } = await running.ended;
    expect(code).toBe(0);
    expect(err).not.toContain("EPIPE");
  });
});
