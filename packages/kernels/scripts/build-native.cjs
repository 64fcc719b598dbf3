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

/** A configuration that names a folder, compiler or build tool that has since gone cannot be built again. */
function isUsable(cache) {
  const value = (name) => (new RegExp(`^${name}(?::[A-Z]+)?=(.*)$`, "m").exec(cache) || [])[1];
  if (value("CMAKE_HOME_DIRECTORY") !== root.replaceAll("\\", "/")) return false;
  const tools = [value("CMAKE_MAKE_PROGRAM"), value("CMAKE_CXX_COMPILER"), ...(value("CMAKE_JS_INC") || "").split(";")];
  return tools.every((tool) => !tool || !path.isAbsolute(tool) || fs.existsSync(tool));
}

/** A configuration that failed leaves a cache, but nothing to build by. */
function isComplete() {
  return ["build.ninja", "Makefile"].some((file) => fs.existsSync(path.join(root, "build", file)));
}

if (fs.existsSync(cachePath) && !(isComplete() && isUsable(fs.readFileSync(cachePath, "utf8")))) {
  fs.rmSync(path.join(root, "build"), { recursive: true, force: true });
}

// Not `cmake-js compile`: when a source has an error, that compiles everything a second time.
const cmakeJs = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
const jobs = String(os.availableParallelism());
const settings = ["WHITTLE_CUDA", "WHITTLE_CUDA_ARCHITECTURES"]
  .filter((name) => process.env[name])
  .map((name) => `--CD${name}=${process.env[name]}`);
const wanted = process.argv.indexOf("--target");
const target = wanted < 0 ? [] : ["--target", process.argv[wanted + 1]];
const { status, error } = spawnSync(
  process.execPath,
  [cmakeJs, "build", "--parallel", jobs, ...settings, ...target],
  { cwd: root, stdio: "inherit" },
);
if (error) throw error;
process.exitCode = status === null ? 1 : status;
