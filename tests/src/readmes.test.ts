import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { root } from "./cli/whittle.js";

/** Every README whose examples a reader may copy. */
const readmes = [
  "README.md",
  ...["packages", "examples"].flatMap((folder) =>
    readdirSync(`${root}/${folder}`).map((name) => `${folder}/${name}/README.md`),
  ),
];

/** The TypeScript examples that stand on their own: those that import something of ours. */
function examplesOf(readme: string): string[] {
  let text: string;
  try {
    text = readFileSync(`${root}/${readme}`, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code!)
    .filter((code) => code.includes('from "@whittle/'));
}

/** Runs a program in the repository's root, on the built packages. */
async function run(code: string): Promise<{ exit: number | null; err: string }> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const child = spawn(process.execPath, ["--input-type=module"], { cwd: root });
  let err = "";
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end(outputText);
  const [exit] = (await once(child, "close")) as [number | null];
  return { exit, err };
}

describe.each(
  readmes.map((readme) => [readme, examplesOf(readme)] as const).filter(([, examples]) => examples.length > 0),
)("%s", (_, examples) => {
  it.each(examples.map((code, i) => [i + 1, code] as const))("example %i runs", async (_number, code) => {
    const { exit, err } = await run(code);
    expect(exit, err).toBe(0);
  });
});
