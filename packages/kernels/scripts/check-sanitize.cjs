#!/usr/bin/env node
// Builds the C++ programs with sanitizers and runs them: `conformance` over freshly drawn cases of every op, on the CPU's kernels and on the emulated
// CUDA ones, under the address and undefined-behaviour sanitizers, `stress` (queue and workers) under the thread sanitizer, with --deep `conformance`
// too. From a checkout only: the cases are drawn by the tests workspace. Usage: check-sanitize.cjs [--cases N] [--deep] (N cases per op; default 12)
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.join(__dirname, "..");
const tests = path.join(root, "..", "..", "tests");
const flag = process.argv.indexOf("--cases");
const count = flag < 0 ? "12" : process.argv[flag + 1];
if (!/^[1-9]\d*$/.test(count || "")) {
  console.error(`check-sanitize: --cases takes a whole number, but is ${count}`);
  process.exit(2);
}

function run(command, args, options) {
  console.log(`> ${[command, ...args].join(" ")}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status === null ? 1 : status);
}

function build(sanitizers, program) {
  const folder = path.join(root, "build", `sanitize-${sanitizers.replace(",", "-")}`);
  run("cmake", ["-S", root, "-B", folder, `-DWHITTLE_SANITIZE=${sanitizers}`]);
  run("cmake", ["--build", folder, "--target", program, "--parallel", String(Math.min(2, os.availableParallelism()))]);
  return path.join(folder, program);
}

const cases = path.join(root, "build", "cases");
fs.rmSync(cases, { recursive: true, force: true });
const vitest = path.join(path.dirname(require.resolve("vitest/package.json", { paths: [tests] })), "vitest.mjs");
const env = { ...process.env, WHITTLE_CASES: cases, WHITTLE_CASE_COUNT: count };
run(process.execPath, [vitest, "run", "src/ops"], { cwd: tests, env });

run(build("address,undefined", "conformance"), [cases]);
run(build("address,undefined", "emulator-self-test"), []);
run(build("address,undefined", "conformance-cuda-emulated"), [cases]);
run(build("thread", "stress"), []);
if (process.argv.includes("--deep")) run(build("thread", "conformance"), [cases]);
