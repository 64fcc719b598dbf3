import { describe, expect, it } from "vitest";
import { PieceStream } from "./piece-stream.js";

const usage = { promptTokens: 1, cachedTokens: 0, completionTokens: 3 };

describe("a stream of pieces", () => {
  it("joins what a slow consumer has not taken", async () => {
    const stream = new PieceStream(() => undefined);
    stream.add("a", 1);
    stream.add("b", 2);
    expect(await stream.next()).toEqual({ done: false, value: { text: "ab", tokens: [1, 2] } });
    stream.add("", 3);
    const next = stream.next();
    stream.finish("stop", usage);
    expect(await next).toEqual({ done: false, value: { text: "", tokens: [3], finishReason: "stop", usage } });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("gives what was made before a failure, then the failure, then nothing", async () => {
    const stream = new PieceStream(() => undefined);
    stream.add("a", 1);
    stream.fail(new Error("broken"));
    stream.finish("stop", usage);
    expect(await stream.next()).toEqual({ done: false, value: { text: "a", tokens: [1] } });
    await expect(stream.next()).rejects.toThrow("broken");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("cancels when its consumer leaves, also while it waits", async () => {
    let cancelled = 0;
    const stream = new PieceStream(() => cancelled++);
    const waiting = stream.next();
    await stream.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(cancelled).toBe(1);
    stream.add("late", 1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("is taken by one consumer at a time", async () => {
    const stream = new PieceStream(() => undefined);
    void stream.next();
    await expect(stream.next()).rejects.toThrow("one piece at a time");
  });
});
