import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { model, startWhittle, whittle } from "./whittle.js";

interface Talk {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

test("whittle chat: piped lines are messages, answers stream to stdout, /save writes what was said", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "whittle-chat-"));
  const file = path.join(folder, "talk.json");
  const input = `It was dark.\nAnd then?\n/save ${file}\n`;
  const { code, out, err } = await whittle(["chat", model, "--max-tokens", "12", "--temperature", "0"], input);
  expect(code).toBe(0);
  const { messages } = JSON.parse(readFileSync(file, "utf8")) as Talk;
  rmSync(folder, { recursive: true });
  expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  expect(messages[2]!.content).toBe("And then?");
  expect(out).toBe(`${messages[1]!.content}\n${messages[3]!.content}\n`);
  expect(messages[1]!.content.length).toBeGreaterThan(10);
  expect(err).toContain("only joins the messages");
});

test("whittle chat: Ctrl-C while nothing is said ends it", async () => {
  const running = startWhittle(["chat", model, "--max-tokens", "3"], null);
  await running.until(/Ctrl-D leaves/, "err");
  // What is listed comes after the whole answer, which may have line breaks of its own.
  running.child.stdin!.write("Hello\n/help\n");
  await running.until(/\/save <file>/, "err");
  running.child.kill("SIGINT");
  expect((await running.ended).code).toBe(130);
});
