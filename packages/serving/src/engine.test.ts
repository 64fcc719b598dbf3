import { describe, expect, it } from "vitest";
import { createEngine } from "./engine.js";
import { END } from "./testing/byte-tokenizer.js";
import { randomModel, scriptedModel, scriptOf } from "./testing/toy-models.js";

describe("an answer", () => {
  it("streams text until the model ends it", async () => {
    const engine = createEngine({ model: scriptedModel(scriptOf("Say: ", "hello", END)) });
    const pieces = [];
    for await (const piece of engine.generate({ prompt: "Say: " })) pieces.push(piece);
    expect(pieces.map(({ text }) => text).join("")).toBe("hello");
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual([...Buffer.from("hello"), END]);
    expect(pieces.at(-1)).toMatchObject({ finishReason: "stop", usage: { promptTokens: 5, cachedTokens: 0, completionTokens: 6 } });
    await engine.close();
  });

  it("is the same alone and in company", async () => {
    const model = randomModel(1);
    const prompts = ["a", "What is", "the quick brown fox jumps over", "zzz"];
    const alone = [];
    for (const prompt of prompts) {
      const engine = createEngine({ model });
      alone.push((await engine.complete({ prompt, temperature: 0, maxTokens: 20 })).tokens);
      await engine.close();
    }
    const engine = createEngine({ model, limits: { maxRows: 7 } });
    const together = await Promise.all(prompts.map((prompt) => engine.complete({ prompt, temperature: 0, maxTokens: 20 })));
    expect(together.map(({ tokens }) => tokens)).toEqual(alone);
    await engine.close();
  });
});
