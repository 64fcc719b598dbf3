#!/usr/bin/env node
// Builds the C++ programs with sanitizers and runs them: `conformance` over freshly drawn cases of every op, on every build of the CPU's kernels that
// this machine runs and on the emulated CUDA ones, under the address and undefined-behaviour sanitizers, `stress` (queue and workers) under the thread
// sanitizer, with --deep `conformance` too; `conformance` as it is under Valgrind, where that is installed. From a checkout only: the cases are drawn
// by the tests workspace. Usage: check-sanitize.cjs [--cases N] [--deep | --sample] (N cases per op; default 12). --sample builds the CPU's kernels with
// sanitizers for the baseline and this machine's strongest instruction set alone, with those above it that only some kernels are built for: compiling is
// nearly all that takes time. Of the builds between, Valgrind runs the one for AVX2, but not the one for AVX-VNNI, which it lacks as it lacks AVX-512.
// AMX's tiles are played by C++ (not in a --sample where they are not there), so that sanitizers see what they read and write.
"use strict";

const { build, buildNative, caseCount, drawCases, has, isasHere, run } = require("./conformance.cjs");

const cases = drawCases(caseCount("12"));
const plain = buildNative("conformance");
const isas = process.argv.includes("--sample") ? sampleOf(isasHere(plain)) : [];
const sanitized = (sanitizers, program) =>
  build(`sanitize-${sanitizers.replace(",", "-")}`, program, [
    `-DWHITTLE_SANITIZE=${sanitizers}`,
    `-DWHITTLE_ISAS=${isas.join(";")}`,
    "-DWHITTLE_AMX=emulated",
  ]);

run(sanitized("address,undefined", "conformance"), [cases, ...isas.flatMap((isa) => ["--isa", isa])]);
run(sanitized("address,undefined", "emulator-self-test"), []);
run(sanitized("address,undefined", "conformance-cuda-emulated"), [cases]);
run(sanitized("thread", "stress"), []);
if (process.argv.includes("--deep")) run(sanitized("thread", "conformance"), [cases]);
// It shows programs a processor without AVX-512 and AVX-VNNI: what runs is for AVX2 and less.
if (has("valgrind", "memcheck")) run("valgrind", ["--quiet", "--error-exitcode=9", plain, cases]);

function sampleOf(here) {
  const whole = here.filter((isa) => ["baseline", "avx2", "avx512"].includes(isa));
  return [...new Set(["baseline", ...here.slice(here.indexOf(whole.at(-1)))])];
}
