#!/usr/bin/env node
// Runs `conformance` on processors that are not here, by QEMU: cross-compiled for 64-bit Arm, on one without dot products of bytes, on one with
// them and on one that multiplies matrices of bytes as well; and the x86-64 program on one without AVX2 and one with it. Each must find exactly the
// instruction sets that its processor has. What is not installed (qemu-user and g++-aarch64-linux-gnu, by Debian's names) is skipped. Then the kernels for AMX,
// whose tiles are played by C++, since QEMU does not. From a checkout only.
// Usage: check-emulated.cjs [--cases N | --drawn] (N cases per op; default 12; --drawn: those of the last check)
"use strict";

const { spawnSync } = require("node:child_process");
const path = require("node:path");
const { build, buildNative, caseCount, drawCases, drawn, has, isasHere, root, run } = require("./conformance.cjs");

const cases = process.argv.includes("--drawn") ? drawn : drawCases(caseCount("12"));

if (has("qemu-aarch64", "64-bit Arm") && has("aarch64-linux-gnu-g++", "64-bit Arm")) {
  const toolchain = path.join(root, "cmake", "aarch64-linux-gnu.cmake");
  const program = build("aarch64", "conformance", [`-DCMAKE_TOOLCHAIN_FILE=${toolchain}`]);
  check("qemu-aarch64", "cortex-a57", program, ["baseline"]);
  check("qemu-aarch64", "neoverse-n1", program, ["baseline", "dotprod"]);
  check("qemu-aarch64", "max", program, ["baseline", "dotprod", "i8mm"]);
}
if (process.arch === "x64" && has("qemu-x86_64", "older x86-64 processors")) {
  const program = buildNative("conformance");
  check("qemu-x86_64", "Nehalem", program, ["baseline"]);
  check("qemu-x86_64", "Haswell", program, ["baseline", "avx2"]);
}
if (process.arch === "x64") checkTiles();

/** The ops that AMX multiplies for, on tiles that C++ plays; the rest of their kernels runs on this processor. */
function checkTiles() {
  const settings = ["-DWHITTLE_AMX=emulated", "-DWHITTLE_ISAS=amx"];
  run(build("amx", "amx-emulator-self-test", settings), []);
  const program = build("amx", "conformance", settings);
  if (!isasHere(program).includes("amx")) {
    console.log("skipped: AMX, since this processor has no AVX512-BF16 for the rest of its kernels");
    return;
  }
  const ops = ["bf16", "q8"].flatMap((kind) => ["linear", "linears", "gatedLinear"].map((op) => `${op}.${kind}`));
  run(program, [cases, "--isa", "amx", ...ops.flatMap((op) => ["--op", op])]);
}

/** All cases on a processor, which must run exactly these builds. */
function check(emulator, processor, program, isas) {
  // One op that is quick: what it says first is which builds run.
  const args = ["-cpu", processor, program, cases];
  const { stdout } = spawnSync(emulator, [...args, "--op", "add"], { encoding: "utf8" });
  const found = [...stdout.matchAll(/^runs (\w+)$/gm)].map((match) => match[1]);
  if (found.join() !== isas.join()) {
    console.error(`check-emulated: on ${processor} run ${found.join(", ") || "none"}, but should ${isas.join(", ")}`);
    process.exit(1);
  }
  run(emulator, args);
}
