import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A package as npm would publish it. */
export interface Packed {
  readonly name: string;
  readonly tarball: string;
  /** Names of its own @whittle dependencies, theirs included. */
  readonly needs: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Every publishable package, by the name of its folder. */
export const manifests: ReadonlyMap<string, Manifest> = new Map(
  readdirSync(path.join(root, "packages")).map((folder) => [
    folder,
    JSON.parse(readFileSync(path.join(root, "packages", folder, "package.json"), "utf8")) as Manifest,
  ]),
);

/** Packs every package into a new folder. */
export async function packAll(): Promise<{ folder: string; packed: ReadonlyMap<string, Packed> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "whittle-packages-"));
  const packed = new Map<string, Packed>();
  for (const [directory, { name }] of manifests) {
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
    const out = await run("npm", args, path.join(root, "packages", directory));
    const [{ filename }] = JSON.parse(out) as [{ filename: string }];
    packed.set(directory, { name, tarball: path.join(folder, filename), needs: needsOf(directory) });
  }
  return { folder, packed };
}

/** Installs packages' tarballs, and nothing else of ours, in an empty folder; gives the folder. */
export async function installAlone(place: string, tarballs: readonly string[]): Promise<string> {
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, "package.json"), JSON.stringify({ private: true, type: "module" }));
  // No install script may be needed: package managers block them.
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-package-lock"];
  await run("npm", ["install", ...flags, ...tarballs], place);
  return place;
}

/** What a program printed. Rejects with all of it when it fails. */
export async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  // npm hands its own settings down to what it runs, `prefix` among them.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { stdout } = await promisify(execFile)(program, args, { cwd, env, maxBuffer: 2 ** 26 });
  return stdout;
}

function needsOf(directory: string): string[] {
  const direct = Object.keys(manifests.get(directory)!.dependencies ?? {})
    .filter((name) => name.startsWith("@whittle/"))
    .map((name) => name.slice("@whittle/".length));
  return [...new Set(direct.flatMap((name) => [...needsOf(name), name]))];
}
