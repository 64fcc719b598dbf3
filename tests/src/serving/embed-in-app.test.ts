import { expect, it } from "vitest";
import { startProgram } from "../cli/whittle.js";

it("examples/embed-in-app runs the engine inside a program, without a port", async () => {
  const { code, out, err } = await startProgram("examples/embed-in-app/dist/main.js", []).ended;
  expect(code, err).toBe(0);
  expect(out.match(/\(length, 24 tokens\)/g)).toHaveLength(3);
  expect(out).toMatch(/aborted: abort after \d+ tokens/);
  expect(out).toContain("object: 'text_completion'");
});
