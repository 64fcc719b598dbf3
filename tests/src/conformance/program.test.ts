import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
async function replay(cases: string): Promise<{ exit: number; out: string; last: string }> {
  const { exit, out } = await execute(path.join(build, "conformance"), [cases]).then(
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

/** The C++ program that replays the reference's cases without Node; `npm run check:deep` runs it under sanitizers. */
describe("conformance, the program", () => {
  beforeAll(async () => {
    // In the addon's build folder, so that the kernels are compiled already.
    await execute("cmake", ["--build", build, "--target", "conformance", "--parallel", "2"]);
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("every op keeps to its bound, on every instruction set and number of threads", async () => {
    const cases = path.join(folder, "drawn");
    const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
    const env = { ...process.env, WHITTLE_CASES: cases, WHITTLE_CASE_COUNT: "4" };
    await execute(process.execPath, [vitest, "run", "src/ops"], { cwd: path.join(root, "tests"), env });
    const { exit, out, last } = await replay(cases);
    expect(exit, out).toBe(0);
    expect(last).toMatch(/^[1-9]\d* cases, 0 failed$/);
    expect(out).toMatch(/^linear +[1-9]\d* cases, 0 failed$/m);
  });

  test("a wrong result is a failure", async () => {
    const [right, wrong] = ["right", "wrong"].map((name) => path.join(folder, `${name}.cases`)) as [string, string];
    mkdirSync(folder, { recursive: true });
    writeFileSync(right, additionCase(1, 2, 3));
    writeFileSync(wrong, additionCase(1, 2, 3.001));
    expect(await replay(right)).toMatchObject({ exit: 0, last: expect.stringMatching(/ 0 failed$/) as string });
    expect(await replay(wrong)).toMatchObject({ exit: 1, last: expect.not.stringMatching(/ 0 failed$/) as string });
  });

  test("a file cut short, or no case at all, is an error", async () => {
    const cut = path.join(folder, "cut.cases");
    writeFileSync(path.join(folder, "whole.cases"), additionCase(1, 2, 3));
    writeFileSync(cut, readFileSync(path.join(folder, "whole.cases")).subarray(0, 60));
    expect((await replay(cut)).exit).toBe(2);
    expect((await replay(path.join(folder, "none"))).exit).toBe(2);
  });
});
