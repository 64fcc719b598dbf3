import { describe, expect, test } from "vitest";
import { Prompts } from "./prompts.js";

const wordsOf = (text: string) => text.split(" ").length;

describe("Prompts", () => {
  test("each request has a text of its own, the same for the same seed", () => {
    const request = { promptTokens: 50, outputTokens: 1 };
    const prompts = new Prompts(3);
    expect(prompts.of(request, 0)).not.toBe(prompts.of(request, 1));
    expect(prompts.of(request, 1)).toBe(new Prompts(3).of(request, 1));
    expect(prompts.of(request, 1)).not.toBe(new Prompts(4).of(request, 1));
    expect(wordsOf(prompts.of(request, 0))).toBe(50);
  });

  test("lengths follow what the server counted", () => {
    const prompts = new Prompts(1);
    prompts.calibrate(prompts.warmUp(100, 0), 200);
    expect(wordsOf(prompts.of({ promptTokens: 100, outputTokens: 1 }, 0))).toBe(50);
  });

  test("blocks with the same ids are the same text, and lengths still hold", () => {
    const prompts = new Prompts(1);
    const first = prompts.of({ promptTokens: 1030, outputTokens: 1, blocks: [4, 5, 6] }, 0);
    const second = prompts.of({ promptTokens: 1100, outputTokens: 1, blocks: [4, 5, 9] }, 1);
    const shared = first.split(" ").slice(0, 1024).join(" ");
    expect(second.startsWith(`${shared} `)).toBe(true);
    expect([wordsOf(first), wordsOf(second)]).toEqual([1030, 1100]);
    expect(second.split(" ").slice(1024, 1030)).not.toEqual(first.split(" ").slice(1024));
  });
});
