import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { progressDisplay } from "./progress-display.js";
import { testTerminal } from "./test-terminal.js";

describe("progressDisplay", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("without a terminal: a line a stage, and one every five seconds", () => {
    const terminal = testTerminal();
    const { listener, stop } = progressDisplay(terminal);
    listener({ stage: "loading weights", done: 0, total: 2048, unit: "bytes" });
    listener({ stage: "loading weights", done: 512, total: 2048, unit: "bytes" });
    vi.advanceTimersByTime(5_000);
    listener({ stage: "loading weights", done: 1024, total: 2048, unit: "bytes" });
    listener({ stage: "scoring", done: 0, total: 7, unit: "windows" });
    stop();
    expect(terminal.err()).toBe("loading weights …\nloading weights: 1.0 KiB of 2.0 KiB\nscoring …\n");
  });

  test("on a terminal: a bar that goes away", () => {
    const terminal = testTerminal({ isTTY: true });
    const { listener, stop } = progressDisplay(terminal);
    listener({ stage: "scoring", done: 1, total: 4, unit: "windows" });
    stop();
    expect(terminal.err()).toContain("scoring");
    expect(terminal.err()).toContain("25%");
  });
});
