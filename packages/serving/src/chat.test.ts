import { floatCache } from "@whittle/kvcache";
import { describe, expect, it } from "vitest";
import { createChat } from "./chat.js";
import { createEngine } from "./engine.js";
import { END } from "./testing/byte-tokenizer.js";
import { randomModel, scriptedModel, scriptOf } from "./testing/toy-models.js";

describe("a chat", () => {
  it("remembers both sides, and does not compute the turns before again", async () => {
    const first = "system: Be brief.\nuser: hi\nassistant: ";
    const second = "hello\nuser: again\nassistant: ";
    const script = [...scriptOf(first, "hello", END), ...scriptOf(second.slice(6), "bye", END)];
    const engine = createEngine({ model: scriptedModel(script), cache: floatCache({ blockSize: 4 }) });
    const chat = createChat(engine, { messages: [{ role: "system", content: "Be brief." }] });
    let text = "";
    for await (const piece of chat.send("hi")) text += piece.text;
    expect(text).toBe("hello");
    const { text: bye, usage } = await chat.complete("again");
    expect(bye).toBe("bye");
    // Whole blocks of 4 of what the first turn computed: its prompt and "hello".
    expect(usage.cachedTokens).toBe(4 * Math.floor((first.length + 5) / 4));
    expect(chat.messages.map(({ role, content }) => `${role}: ${String(content)}`)).toEqual([
      "system: Be brief.",
      "user: hi",
      "assistant: hello",
      "user: again",
      "assistant: bye",
    ]);
    await engine.close();
  });

  it("keeps what came of an answer that was left, and nothing of one that failed", async () => {
    const engine = createEngine({ model: randomModel(1) });
    const chat = createChat(engine, { temperature: 0, logitBias: { [END]: -100 } });
    let left = "";
    for await (const { text } of chat.send("a")) if ((left += text).length > 3) break;
    expect(chat.messages).toEqual([
      { role: "user", content: "a" },
      { role: "assistant", content: left },
    ]);
    const allow = () => {
      throw new Error("broken");
    };
    await expect(chat.complete("b", { constraint: () => ({ allow, accept: () => undefined }) })).rejects.toThrow(
      "broken",
    );
    expect(chat.messages).toHaveLength(2);
    await engine.close();
  });

  it("takes one message at a time", async () => {
    const engine = createEngine({ model: randomModel(1) });
    const chat = createChat(engine, { maxTokens: 5, temperature: 0 });
    const answer = chat.complete("a");
    expect(() => chat.send("b")).toThrow(expect.objectContaining({ code: "invalid_request" }));
    expect(() => createChat(engine).send("c", { topP: 2 })).toThrow("topP must be");
    await answer;
    await chat.complete("b");
    expect(chat.messages).toHaveLength(4);
    await engine.close();
  });
});
