import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../../packages/kernels/scripts/check-sanitize.cjs", import.meta.url));

// Compiles every kernel anew, so not for everyone's `npm test`: in CI a sample, in `npm run check:deep` all.
test.runIf(process.env["CI"])(
  "kernels, queue and workers are clean under the address, undefined-behaviour and thread sanitizers, and Valgrind",
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--sample", "--cases", "4"], {
      maxBuffer: 2 ** 26,
    });
    // The CPU's kernels, the emulated CUDA ones, and the CPU's under Valgrind where there is one.
    const runs = stdout.includes("skipped: memcheck") ? 2 : 3;
    expect(stdout.match(/^[1-9]\d* cases, 0 failed$/gm)).toHaveLength(runs);
    expect(stdout).toMatch(/^stress: 0 failures$/m);
  },
  900_000,
);
