// What the checks of the C++ programs share: cases drawn by the tests workspace, builds in folders of their own, and runs that end the check
// when they fail. From a checkout only.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.join(__dirname, "..");
const tests = path.join(root, "..", "..", "tests");

/** Runs a command that must succeed. */
function run(command, args, options) {
  console.log(`> ${[command, ...args].join(" ")}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status === null ? 1 : status);
}

/** Builds one of CMake's targets in `build/<folder>`; where the program lies. */
function build(folder, target, settings = []) {
  const directory = path.join(root, "build", folder);
  run("cmake", ["-S", root, "-B", directory, ...settings]);
  const jobs = String(Math.min(2, os.availableParallelism()));
  run("cmake", ["--build", directory, "--target", target, "--parallel", jobs]);
  return path.join(directory, target);
}

/** The same among what the addon is made of, most of which is there already. */
function buildNative(target) {
  run(process.execPath, [path.join(__dirname, "build-native.cjs"), "--target", target]);
  return path.join(root, "build", target);
}

/** The instruction sets that run on this machine, weakest first, as the program `conformance` says before it misses its cases. */
function isasHere(conformance) {
  const { stdout } = spawnSync(conformance, [], { encoding: "utf8" });
  return [...stdout.matchAll(/^runs (\w+)$/gm)].map(([, isa]) => isa);
}

/** Draws `count` cases of every op anew; the folder that holds them. */
function drawCases(count) {
  fs.rmSync(drawn, { recursive: true, force: true });
  const vitest = path.join(path.dirname(require.resolve("vitest/package.json", { paths: [tests] })), "vitest.mjs");
  const env = { ...process.env, WHITTLE_CASES: drawn, WHITTLE_CASE_COUNT: count };
  run(process.execPath, [vitest, "run", "src/ops"], { cwd: tests, env });
  return drawn;
}
const drawn = path.join(root, "build", "cases");

/** Whether a tool is there; says so if it is not. */
function has(tool, what) {
  if (!spawnSync(tool, ["--version"], { stdio: "ignore" }).error) return true;
  console.log(`skipped: ${what}, since ${tool} is not installed`);
  return false;
}

/** The value of `--cases`, a whole number. */
function caseCount(standard) {
  const flag = process.argv.indexOf("--cases");
  const count = flag < 0 ? standard : process.argv[flag + 1];
  if (/^[1-9]\d*$/.test(count || "")) return count;
  console.error(`${path.basename(process.argv[1])}: --cases takes a whole number, but is ${count}`);
  process.exit(2);
}

module.exports = { build, buildNative, caseCount, drawCases, drawn, has, isasHere, root, run };
