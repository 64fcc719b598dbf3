import { describe, expect, test } from "vitest";
import { testTerminal } from "../test-terminal.js";
import { prettyLine, serverLog } from "./server-log.js";

const request = { requestId: "r1", method: "POST", path: "/v1/completions", status: 200, durationMs: 12, model: "m" };

describe("serverLog", () => {
  test("one JSON object a line where nobody reads along", () => {
    const terminal = testTerminal();
    const { logger, pretty } = serverLog(terminal, { logLevel: "info", logFormat: "auto" });
    logger.info("request", request);
    logger.warn("watch out");
    logger.debug("not this");
    expect(pretty).toBe(false);
    const lines = terminal
      .err()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { level: "info", msg: "request", ...request },
      { level: "warn", msg: "watch out" },
    ]);
    expect(lines).toHaveLength(2);
    expect(new Date(lines[0]!["time"] as string).getTime()).not.toBeNaN();
  });

  test("short lines on a terminal", () => {
    const terminal = testTerminal({ isTTY: true });
    serverLog(terminal, { logLevel: "info", logFormat: "auto" }).logger.info("request", request);
    expect(terminal.err()).toMatch(/^\d\d:\d\d:\d\d POST \/v1\/completions 200 12 ms model=m\n$/);
  });

  test("as it is told to, whatever the terminal", () => {
    const terminal = testTerminal({ isTTY: true });
    serverLog(terminal, { logLevel: "error", logFormat: "json" }).logger.error("broken", { code: "device" });
    expect(JSON.parse(terminal.err())).toMatchObject({ level: "error", msg: "broken", code: "device" });
  });
});

test("prettyLine names the level if it is not the usual one", () => {
  const line = prettyLine({ level: "warn", time: "2026-01-01T10:20:30.000Z", msg: "careful", count: 2 });
  expect(line).toMatch(/^\d\d:20:30 warn careful count=2\n$/);
});
