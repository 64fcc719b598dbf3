#!/usr/bin/env node
// Builds the C++ programs with sanitizers and runs them: `conformance` over freshly drawn cases of every op, on every build of the CPU's kernels that
// this machine runs and on the emulated CUDA ones, under the address and undefined-behaviour sanitizers, `stress` (queue and workers) under the thread
// sanitizer, with --deep `conformance` too; `conformance` as it is under Valgrind, where that is installed. From a checkout only: the cases are drawn
// by the tests workspace. Usage: check-sanitize.cjs [--cases N] [--deep] (N cases per op; default 12)
"use strict";

const { build, buildNative, caseCount, drawCases, has, run } = require("./conformance.cjs");

const sanitized = (sanitizers, program) =>
  build(`sanitize-${sanitizers.replace(",", "-")}`, program, [`-DWHITTLE_SANITIZE=${sanitizers}`]);

const cases = drawCases(caseCount("12"));
run(sanitized("address,undefined", "conformance"), [cases]);
run(sanitized("address,undefined", "emulator-self-test"), []);
run(sanitized("address,undefined", "conformance-cuda-emulated"), [cases]);
run(sanitized("thread", "stress"), []);
if (process.argv.includes("--deep")) run(sanitized("thread", "conformance"), [cases]);
// It shows programs a processor without AVX-512 and AVX-VNNI: what runs is for AVX2 and less.
if (has("valgrind", "memcheck")) run("valgrind", ["--quiet", "--error-exitcode=9", buildNative("conformance"), cases]);
