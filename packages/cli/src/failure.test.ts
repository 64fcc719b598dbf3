import { readFile } from "node:fs/promises";
import { OutOfMemory, WhittleError } from "@whittle/core";
import { describe, expect, test } from "vitest";
import { describeFailure } from "./failure.js";

describe("describeFailure", () => {
  test("a missing file", async () => {
    const error: unknown = await readFile("no/such/file.txt").catch((reason: unknown) => reason);
    expect(describeFailure(error)).toBe("no/such/file.txt: no such file or folder");
  });

  test("a port that cannot be had names the options that help", () => {
    const error = new WhittleError("listen", "cannot listen on 127.0.0.1, port 80: it is taken");
    expect(describeFailure(error)).toBe(
      "cannot listen on 127.0.0.1, port 80: it is taken; choose another with --port and --host (--port 0: any free one)",
    );
  });

  test("an error of ours speaks for itself", () => {
    expect(describeFailure(new OutOfMemory("cache", 100, 20, 50))).toBe(
      "cache: needs 100 bytes, but only 20 of the device's budget of 50 are free",
    );
  });

  test("any other error says that it was not foreseen, in one line", () => {
    expect(describeFailure(new TypeError("first\n  second"))).toBe(
      "unexpected error: first second (--verbose shows where)",
    );
  });
});
