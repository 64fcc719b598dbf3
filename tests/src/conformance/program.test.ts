import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeCase } from "../case-file.js";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../..", import.meta.url));
const build = path.join(root, "packages", "kernels", "build");
const folder = mkdtempSync(path.join(os.tmpdir(), "whittle-cases-"));

/** Replays the cases in a file or folder; the last line on stdout is the sum. */
async function replay(
  program: string,
  cases: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ exit: number; out: string; last: string }> {
  const { exit, out } = await execute(path.join(build, program), [cases], { env: { ...process.env, ...env } }).then(
    ({ stdout }) => ({ exit: 0, out: stdout }),
    (error: { code: number; stdout: string }) => ({ exit: error.code, out: error.stdout }),
  );
  return { exit, out, last: out.trimEnd().split("\n").at(-1)! };
}

/** One case of `add` on a single number, with what it is said to give. */
function additionCase(a: number, b: number, sum: number): Uint8Array {
  const input = (value: number) => ({
    dtype: "f32" as const,
    shape: [1, 1],
    rowStride: 1,
    bytes: new Uint8Array(Float32Array.of(value).buffer),
  });
  const output = { dtype: "f32" as const, shape: [1, 1], values: Float64Array.of(sum), limits: Float64Array.of(1e-6) };
  return encodeCase({ op: "add", inputs: [input(a), input(b)], attributes: [], outputs: [output], fails: false });
}

/** The programs, and what the activations of a sample of every op's cases are for each. */
const programs = [
  { program: "conformance", activations: "f32", count: "4" },
  { program: "conformance-cuda-emulated", activations: "f32,bf16,f16", count: "6" },
];
/** Ops that CUDA has no kernel of: f32 activations rounded for a product, weights without their zeros, quantising. */
const forCpus = [
  "gatedLinear.bf16",
  "gatedLinear.q8",
  "linear.bf16",
  "linear.q8",
  "linear.sparse24",
  "linear.sparseMask",
  "linears.bf16",
  "linears.q8",
  "quantiseRows",
  "squaredError",
];
const drawnFor = (program: string) => path.join(folder, `drawn-${program}`);

beforeAll(async () => {
  const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
  for (const { program, activations, count } of programs) {
    const env = {
      ...process.env,
      WHITTLE_CASES: drawnFor(program),
      WHITTLE_CASE_COUNT: count,
      WHITTLE_CASE_ACTIVATIONS: activations,
    };
    await execute(process.execPath, [vitest, "run", "src/ops"], { cwd: path.join(root, "tests"), env });
  }
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The C++ programs that replay the reference's cases without Node; `npm run check:deep` runs them under sanitizers. */
describe.each(programs)("$program", ({ program }) => {
  beforeAll(async () => {
    // In the addon's build folder, so that the kernels are compiled already.
    await execute("cmake", ["--build", build, "--target", program, "--parallel", "2"]);
  }, 600_000);

  test("every op keeps to its bound: on the CPU whatever the instruction set and number of threads, as CUDA kernels launched and from a graph", async () => {
    const { exit, out, last } = await replay(program, drawnFor(program));
    expect(exit, out).toBe(0);
    expect(last).toMatch(/^[1-9]\d* cases, 0 failed$/);
    expect(out).toMatch(/^linear +[1-9]\d* cases, 0 failed$/m);
    const without = new Set([...out.matchAll(/^(\S+) +has no kernel/gm)].map(([, op]) => op));
    expect(without).toEqual(new Set(program === "conformance" ? [] : forCpus));
  });

  test("a wrong result is a failure", async () => {
    const [right, wrong] = ["right", "wrong"].map((name) => path.join(folder, `${name}.cases`)) as [string, string];
    writeFileSync(right, additionCase(1, 2, 3));
    writeFileSync(wrong, additionCase(1, 2, 3.001));
    expect(await replay(program, right)).toMatchObject({
      exit: 0,
      last: expect.stringMatching(/ 0 failed$/) as string,
    });
    expect(await replay(program, wrong)).toMatchObject({
      exit: 1,
      last: expect.not.stringMatching(/ 0 failed$/) as string,
    });
  });

  test("a file cut short, or no case at all, is an error", async () => {
    const cut = path.join(folder, "cut.cases");
    writeFileSync(path.join(folder, "whole.cases"), additionCase(1, 2, 3));
    writeFileSync(cut, readFileSync(path.join(folder, "whole.cases")).subarray(0, 60));
    expect((await replay(program, cut)).exit).toBe(2);
    expect((await replay(program, path.join(folder, "none"))).exit).toBe(2);
  });
});

test("the kernels for GPUs older than Hopper keep to the bounds too", async () => {
  const program = "conformance-cuda-emulated";
  const { exit, out } = await replay(program, drawnFor(program), { WHITTLE_EMULATED_CAPABILITY: "80" });
  expect(exit, out).toBe(0);
});

test("products of many rows keep to the bounds where a GPU has few multiprocessors for them", async () => {
  const program = "conformance-cuda-emulated";
  for (const op of ["linear", "gatedLinear"]) {
    const cases = path.join(drawnFor(program), `${op}.blocks-of-many-rows.cases`);
    const { exit, out } = await replay(program, cases, { WHITTLE_EMULATED_MULTIPROCESSORS: "2" });
    expect(exit, out).toBe(0);
  }
});

/** Kernels with a mistake each: a missing barrier, a copy not waited for, lanes that part before a shuffle … */
test("the CUDA emulator finds the mistakes that it is there to find", async () => {
  await execute("cmake", ["--build", build, "--target", "emulator-self-test", "--parallel", "2"]);
  const { stdout } = await execute(path.join(build, "emulator-self-test"));
  expect(stdout).toMatch(/^without the barrier: as expected$/m);
  expect(stdout).toMatch(/^emulator: 0 failures$/m);
}, 300_000);
