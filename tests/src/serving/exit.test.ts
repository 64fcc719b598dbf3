import { expect, it } from "vitest";
import { startProgram } from "../cli/whittle.js";

it("a program that never closes its handler exits by itself, for its idle threads hold nobody", async () => {
  const { code, out, err } = await startProgram("tests/src/serving/scripts/forgets-its-handler.mjs", []).ended;
  expect({ code, out, err }).toEqual({ code: 0, out: "true yes\n", err: "" });
});
