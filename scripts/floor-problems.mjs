// Where the floors are broken: every import and every dependency of every workspace must point down, be declared where
// it is used, and go through a package's public face.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { builtinModules, createRequire } from "node:module";
import path from "node:path";
import ts from "typescript";
import { allowedImports } from "./floors.mjs";

const { read } = createRequire(import.meta.url)("./bootstrap/workspaces.cjs");

/** One line for each import and dependency in the repository at `root` that may not be. */
export function floorProblems(root) {
  const rootManifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  return read(root).flatMap((workspace) => lintWorkspace(workspace, root, rootManifest.devDependencies));
}

function lintWorkspace({ name, directory, manifest }, root, rootDevelopment) {
  const folder = path.relative(root, directory).replaceAll("\\", "/");
  const allowed = allowedImports(folder);
  if (allowed === null) return [`${folder}: has no floor yet; give ${name} one in scripts/floors.mjs`];
  const mayImport = (ours) => allowed.some((below) => ours === `@whittle/${below}`);

  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
  const development = { ...manifest.devDependencies, ...rootDevelopment };
  const found = Object.keys({ ...runtime, ...manifest.devDependencies })
    .filter((dependency) => dependency.startsWith("@whittle/") && !mayImport(dependency))
    .map((dependency) => `${folder}/package.json: ${name} may not depend on ${dependency}: ${reach(allowed)}`);

  for (const file of sourcesBelow(directory)) {
    const where = path.relative(root, file).replaceAll("\\", "/");
    // What never ships may use what only developers install.
    const ships = folder.startsWith("packages/") && where.startsWith(`${folder}/src/`) && !where.endsWith(".test.ts");
    for (const specifier of importsOf(file)) {
      const problem = problemWith(specifier, file, ships);
      if (problem) found.push(`${where}: imports ${specifier}: ${problem}`);
    }
  }
  return found;

  function problemWith(specifier, file, ships) {
    if (specifier.startsWith(".")) {
      const target = path.resolve(path.dirname(file), specifier);
      const inside = target.startsWith(directory + path.sep);
      const sharedConfig = path.dirname(target) === root && path.dirname(file) === directory;
      return inside || sharedConfig ? null : "a relative import may not leave its package";
    }
    const bare = specifier.replace(/^node:/, "");
    if (specifier.startsWith("node:") || builtinModules.includes(bare)) return null;
    const dependency = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    if (dependency === name) return "a package does not import itself by name";
    if (dependency.startsWith("@whittle/")) {
      if (!mayImport(dependency)) return `not below ${name}: ${reach(allowed)}`;
      if (specifier !== dependency) return `only the public face, ${dependency}, may be imported`;
    }
    if (dependency in runtime || (!ships && dependency in development)) return null;
    return `${dependency} is not declared in ${folder}/package.json`;
  }
}

function reach(allowed) {
  return allowed.length === 0 ? "it may import nothing of ours" : `it may import ${allowed.join(", ")}`;
}

function importsOf(file) {
  return ts.preProcessFile(readFileSync(file, "utf8"), true, true).importedFiles.map(({ fileName }) => fileName);
}

/** A folder with a package.json of its own is another package, outside the workspaces. */
function sourcesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      const isSource = !["node_modules", "dist", "build", "fixtures"].includes(entry.name);
      return isSource && !existsSync(path.join(file, "package.json")) ? sourcesBelow(file) : [];
    }
    return /\.[cm]?[jt]sx?$/.test(entry.name) ? [file] : [];
  });
}
