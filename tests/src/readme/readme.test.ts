import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { codeBlocks, isRunnable } from "./code-blocks.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
// Below node_modules, so that git does not see it, and an import of @whittle/… finds the built package as a user's does.
const scratch = path.join(root, "node_modules", ".cache", "whittle", "readme");
const packages = readdirSync(path.join(root, "packages")).map((name) => `packages/${name}`);
const examples = readdirSync(path.join(root, "examples")).map((name) => `examples/${name}`);

/** Runs a block as a program of its own, in the root of the repository. */
async function run(code: string, name: string): Promise<void> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  mkdirSync(scratch, { recursive: true });
  const file = path.join(scratch, `${name.replaceAll("/", "-")}.mjs`);
  writeFileSync(file, outputText);
  await promisify(execFile)(process.execPath, [file], { cwd: root, timeout: 60_000 });
}

for (const folder of [".", ...packages, ...examples]) {
  const readme = path.join(root, folder, "README.md");
  if (!existsSync(readme)) continue;
  const blocks = codeBlocks(readFileSync(readme, "utf8")).filter(isRunnable);
  if (blocks.length === 0) continue;
  describe(path.join(folder, "README.md"), () => {
    test.each(blocks)("the $language block in line $line runs", async ({ code, line }) => {
      await run(code, `${folder === "." ? "top" : folder}-${line}`);
    });
  });
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  ...[...packages, ...examples, "bench"].map((folder) => `${folder}/README.md`),
];

test.each(pages)("the links in %s lead somewhere", (page) => {
  if (!existsSync(path.join(root, page))) return;
  const links = readFileSync(path.join(root, page), "utf8").matchAll(/\]\(([^)#]+)[^)]*\)/g);
  const broken = [...links]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(path.join(root, path.dirname(page), target)));
  expect(broken).toEqual([]);
});

test.each(packages)("%s has a README", (folder) => {
  expect(existsSync(path.join(root, folder, "README.md"))).toBe(true);
});

describe("code blocks", () => {
  test("are found with language, mark and line", () => {
    const [first, second] = codeBlocks("# A\n```ts\nf();\n```\ntext\n```sh no-run\nls\n```\n");
    expect(first).toEqual({ language: "ts", info: "", line: 2, code: "f();\n" });
    expect(second).toMatchObject({ language: "sh", info: "no-run", line: 6 });
  });

  test("run unless marked or in another language", () => {
    const blocks = codeBlocks("```ts\n```\n```js\n```\n```ts no-run\n```\n```sh\n```\n");
    expect(blocks.map(isRunnable)).toEqual([true, true, false, false]);
  });

  test("a block that throws, or imports what is not there, fails", async () => {
    await expect(run("throw new Error('wrong');", "self-test-throws")).rejects.toThrow("wrong");
    await expect(run(`import { nothing } from "@whittle/core"; nothing();`, "self-test-import")).rejects.toThrow();
  });

  test("an unclosed block is an error", () => {
    expect(() => codeBlocks("```ts\nf();\n")).toThrow("line 1");
  });
});
