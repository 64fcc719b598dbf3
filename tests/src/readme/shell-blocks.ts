import { execFile, execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { type CodeBlock } from "./code-blocks.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export const hasShell = has("bash") && has("curl");

/** Whether a program is installed; `flag` makes it do nothing and succeed. */
export function has(program: string, flag = "--version"): boolean {
  try {
    execFileSync(program, [flag], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a shell block to its end, each command of which must succeed, in an empty folder that has the repository's models and packages, and `whittle` as a command. A `json` block of the
 * same page is there as `whittle.json`.
 */
export async function runShell(code: string, page: readonly CodeBlock[]): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "whittle-shell-"));
  try {
    const commands = path.join(folder, "commands");
    await mkdir(commands);
    const whittle = path.join(root, "packages", "cli", "bin", "whittle.js");
    await writeFile(path.join(commands, "whittle"), `#!/bin/sh\nexec "${process.execPath}" "${whittle}" "$@"\n`);
    await chmod(path.join(commands, "whittle"), 0o755);
    for (const name of ["models", "node_modules"]) await symlink(path.join(root, name), path.join(folder, name));
    const config = page.find(({ language }) => language === "json");
    if (config) await writeFile(path.join(folder, "whittle.json"), config.code);
    const env = { ...process.env, PATH: `${commands}${path.delimiter}${process.env["PATH"]}` };
    await promisify(execFile)("bash", ["-euo", "pipefail", "-c", code], { cwd: folder, env, timeout: 60_000 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
