import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { WhittleError } from "@whittle/core";
import { type Chat, type ChatMessage, type Generation, type Piece } from "@whittle/serving";
import { describe, expect, test } from "vitest";
import { Conversation } from "./conversation.js";

/** Chats that answer with what was said, letter by letter; `endless` goes on until it is stopped. */
function echoes() {
  const begun: ChatMessage[][] = [];
  const begin = (messages: readonly ChatMessage[]): Chat => {
    const said = [...messages];
    begun.push(said);
    const send = (message: string | ChatMessage) => {
      if (message === "too long") throw new WhittleError("context_length_exceeded", "the context is 9 tokens");
      const state = { cancelled: false };
      async function* pieces(): AsyncGenerator<Piece> {
        const text = typeof message === "string" ? message : "";
        const most = text === "endless" ? Infinity : text.length;
        for (let index = 0; index < most && !state.cancelled; index++) {
          yield { text: text[index % text.length]!, tokens: [1] };
          await new Promise(setImmediate);
        }
        said.push({ role: "user", content: text }, { role: "assistant", content: text });
        yield { text: "", tokens: [], finishReason: state.cancelled ? "abort" : "length" };
      }
      return {
        [Symbol.asyncIterator]: () => pieces(),
        cancel: () => (state.cancelled = true),
      } as unknown as Generation;
    };
    return { messages: said, send } as unknown as Chat;
  };
  return { begun, begin };
}

function conversation(system?: string) {
  const { begun, begin } = echoes();
  let written = "";
  const said: string[] = [];
  const talk = new Conversation({
    begin,
    ...(system !== undefined && { system }),
    write: (text) => (written += text),
    say: (line) => said.push(line),
  });
  return { talk, begun, said, written: () => written };
}

describe("Conversation", () => {
  test("streams answers, each ended with a line", async () => {
    const { talk, written, said } = conversation();
    expect(await talk.take("Hello")).toBe(true);
    await talk.take("you /there");
    expect(written()).toBe("Hello\nyou /there\n");
    expect(said).toEqual(Array(2).fill("(cut: no more tokens are allowed or fit)"));
  });

  test("an empty line says nothing", async () => {
    const { talk, written } = conversation();
    expect(await talk.take("  ")).toBe(true);
    expect(written()).toBe("");
  });

  test("/reset keeps the system message, /system replaces it", async () => {
    const { talk, begun } = conversation("Be brief.");
    await talk.take("Hello");
    await talk.take("/reset");
    await talk.take("/system Be long.");
    await talk.take("/system");
    expect(begun.map((messages) => messages.filter(({ role }) => role === "system"))).toEqual([
      [{ role: "system", content: "Be brief." }],
      [{ role: "system", content: "Be brief." }],
      [{ role: "system", content: "Be long." }],
      [],
    ]);
    expect(begun[1]).toHaveLength(1);
  });

  test("stops an answer, and only an answer", async () => {
    const { talk, written } = conversation();
    expect(talk.stop()).toBe(false);
    const answer = talk.take("endless");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(talk.stop()).toBe(true);
    await answer;
    expect(written()).toMatch(/^e.*\n$/);
    expect(talk.stop()).toBe(false);
  });

  test("a full context is said, with the way out, and the talk goes on", async () => {
    const { talk, said, written } = conversation();
    expect(await talk.take("too long")).toBe(true);
    expect(said).toEqual(["the context is 9 tokens; /reset begins anew"]);
    await talk.take("Hello");
    expect(written()).toBe("Hello\n");
  });

  test("/save writes the talk", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "whittle-chat-"));
    const file = path.join(folder, "talk.json");
    const { talk, said } = conversation();
    await talk.take("Hello");
    await talk.take(`/save ${file}`);
    await talk.take(`/save ${folder}`);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      messages: [
        { role: "user", content: "Hello" },
        { role: "assistant", content: "Hello" },
      ],
    });
    expect(said[1]).toBe(`(written to ${file})`);
    expect(said[2]).toMatch(/^it could not be written: EISDIR/);
    await rm(folder, { recursive: true });
  });

  test("/exit ends it, /help and unknown commands list all", async () => {
    const { talk, said } = conversation();
    await talk.take("/help");
    await talk.take("/dance");
    await talk.take("/save");
    for (const line of said) expect(line).toContain("/system <text>");
    expect(said[1]).toContain("/dance is no command");
    expect(await talk.take("/exit")).toBe(false);
  });
});
