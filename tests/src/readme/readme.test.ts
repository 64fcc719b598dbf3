import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { codeBlocks, isRunnable } from "./code-blocks.js";
import { hasShell, runShell } from "./shell-blocks.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
// Below node_modules, so that git does not see it, and an import of @whittle/… finds the built package as a user's does.
const scratch = path.join(root, "node_modules", ".cache", "whittle", "readme");
const packages = readdirSync(path.join(root, "packages")).map((name) => `packages/${name}`);
const examples = readdirSync(path.join(root, "examples")).map((name) => `examples/${name}`);
const docs = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  ...[...packages, ...examples, "bench"].map((folder) => `${folder}/README.md`),
  ...docs,
].filter((page) => existsSync(path.join(root, page)));

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

if (!hasShell) console.log("Skipped: the pages' shell blocks (they need bash and curl)");

for (const page of pages) {
  const blocks = codeBlocks(readFileSync(path.join(root, page), "utf8"));
  const runnable = blocks.filter(isRunnable);
  if (runnable.length === 0) continue;
  describe(page, () => {
    const [shell, programs] = [true, false].map((is) =>
      runnable.filter(({ language }) => (language === "bash") === is),
    );
    if (programs!.length > 0)
      test.each(programs!)("the $language block in line $line runs", async ({ code, line }) => {
        await run(code, `${page.replace(/(^|\/)README\.md$/, "") || "top"}-${line}`);
      });
    if (shell!.length > 0)
      test.skipIf(!hasShell).each(shell!)("the shell block in line $line runs", ({ code }) => runShell(code, blocks));
  });
}

test.each(pages)("the links in %s lead somewhere", (page) => {
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
    const blocks = codeBlocks("```ts\n```\n```js\n```\n```ts no-run\n```\n```bash\n```\n```bash runs\n```\n");
    expect(blocks.map(isRunnable)).toEqual([true, true, false, false, true]);
  });

  test("a block that throws, or imports what is not there, fails", async () => {
    await expect(run("throw new Error('wrong');", "self-test-throws")).rejects.toThrow("wrong");
    await expect(run(`import { nothing } from "@whittle/core"; nothing();`, "self-test-import")).rejects.toThrow();
  });

  test.skipIf(!hasShell)("a shell block of which one command fails, fails", async () => {
    await expect(runShell("false\necho after it", [])).rejects.toThrow();
  });

  test("an unclosed block is an error", () => {
    expect(() => codeBlocks("```ts\nf();\n")).toThrow("line 1");
  });
});
