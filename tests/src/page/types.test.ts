import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

// The page is of another world than the rest (a browser's names, JSX), so the type check of the whole leaves it out.
test("the page's types hold", () => {
  const folder = fileURLToPath(new URL("../../../examples/server/page", import.meta.url));
  const { config } = ts.readConfigFile(path.join(folder, "tsconfig.json"), (file) => ts.sys.readFile(file));
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  expect(fileNames.some((file) => file.endsWith("app.tsx"))).toBe(true);
  const program = ts.createProgram(fileNames, options);
  const problems = [...errors, ...ts.getPreEmitDiagnostics(program)];
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});
