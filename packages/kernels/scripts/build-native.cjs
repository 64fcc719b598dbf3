#!/usr/bin/env node
// Builds the native addon into build/Release/whittle.node. CommonJS without dependencies: it runs from a checkout
// and from an unpacked npm tarball alike.
//
// WHITTLE_CUDA=1 adds the CUDA device for NVIDIA GPUs (whittle-cuda.so, by nvcc), WHITTLE_CUDA=emulated the one whose
// kernels run on the CPU, for tests. WHITTLE_CUDA_ARCHITECTURES: see src/cuda/CMakeLists.txt. `--target name` builds
// one target of CMake's instead.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.join(__dirname, "..");
const cachePath = path.join(root, "build", "CMakeCache.txt");

/** What a configuration holds; undefined without one. */
function configured(name) {
  if (!fs.existsSync(cachePath)) return undefined;
  return (new RegExp(`^${name}(?::[A-Z]+)?=(.*)$`, "m").exec(fs.readFileSync(cachePath, "utf8")) || [])[1];
}

/** A configuration that names a folder, compiler or build tool that has since gone cannot be built again. */
function isUsable() {
  if (configured("CMAKE_HOME_DIRECTORY") !== root.replaceAll("\\", "/")) return false;
  const tools = ["CMAKE_MAKE_PROGRAM", "CMAKE_CXX_COMPILER", "CMAKE_JS_INC"].flatMap((name) =>
    (configured(name) || "").split(";"),
  );
  return tools.every((tool) => !tool || !path.isAbsolute(tool) || fs.existsSync(tool));
}

/** A configuration that failed leaves a cache, but nothing to build by. */
function isComplete() {
  return ["build.ninja", "Makefile"].some((file) => fs.existsSync(path.join(root, "build", file)));
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status === null ? 1 : status);
}

if (fs.existsSync(cachePath) && !(isComplete() && isUsable())) {
  fs.rmSync(path.join(root, "build"), { recursive: true, force: true });
}

const settings = ["WHITTLE_CUDA", "WHITTLE_CUDA_ARCHITECTURES"].filter((name) => process.env[name]);
// cmake-js passes settings to a new configuration only.
if (fs.existsSync(cachePath) && settings.some((name) => configured(name) !== process.env[name])) {
  const definitions = settings.map((name) => `-D${name}=${process.env[name]}`);
  run(configured("CMAKE_COMMAND"), [...definitions, path.join(root, "build")]);
}

// Not `cmake-js compile`: when a source has an error, that compiles everything a second time.
const cmakeJs = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
const wanted = process.argv.indexOf("--target");
run(process.execPath, [
  cmakeJs,
  "build",
  "--parallel",
  String(os.availableParallelism()),
  ...settings.map((name) => `--CD${name}=${process.env[name]}`),
  ...(wanted < 0 ? [] : ["--target", process.argv[wanted + 1]]),
]);
