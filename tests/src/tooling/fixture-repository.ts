import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url));

/** A small throw-away repository, with this repository's own `scripts/bootstrap`. */
export class FixtureRepository {
  readonly root = mkdtempSync(path.join(os.tmpdir(), "whittle-repository-"));

  constructor() {
    cpSync(path.join(repositoryRoot, "scripts"), path.join(this.root, "scripts"), { recursive: true });
    // npm's record of an install of nothing: the bootstrap finds the lockfile fulfilled.
    this.write("package-lock.json", { packages: {} });
    this.write("node_modules/.package-lock.json", { packages: {} });
  }

  write(file: string, content: string | object): void {
    const target = path.join(this.root, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, typeof content === "string" ? content : JSON.stringify(content));
  }

  remove(file: string): void {
    rmSync(path.join(this.root, file), { recursive: true });
  }

  /** Runs one of the repository's scripts. `output` is what it said on stderr and then on stdout. */
  run(args: string[], env: NodeJS.ProcessEnv = process.env): { status: number | null; output: string } {
    const result = spawnSync(process.execPath, args, { cwd: this.root, env, encoding: "utf8" });
    return { status: result.status, output: result.stderr + result.stdout };
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
