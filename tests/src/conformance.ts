import { type ActivationDType, type AnyOp } from "@whittle/core";
import { cpu, cpuInfo } from "@whittle/kernels";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeCases } from "./conformance/write-cases.js";
import {
  type Candidate,
  type CaseOptions,
  complaints,
  drawCase,
  type RunOptions,
  type Spec,
} from "./conformance/index.js";

export interface ConformanceOptions extends Omit<RunOptions, "rowWise">, CaseOptions {
  /** Default: "rows", for ops whose first tensor has such a dimension. `null`: rows depend on each other. */
  readonly rowWise?: string | null;
  /** Cases to draw. Default: 24. */
  readonly cases?: number;
  /** What sets these cases apart from others of the same op, a word. Default: none. */
  readonly about?: string;
}

/**
 * Tests an op on `cpu()` against its reference, on every instruction set of this machine that has a build of it and with 1, 2 and 3 threads: over drawn sizes, dtypes, values (normal, tiny, huge,
 * NaN and infinite, zero), optional arguments and strided views; within the op's `bound`; bit for bit the same whatever the threads and, row by row, the batch.
 *
 * With `WHITTLE_CASES=<folder>` the cases (`WHITTLE_CASE_COUNT` of them, if given) are written there instead, for the C++ program `conformance`, with
 * activations of `WHITTLE_CASE_ACTIVATIONS` (default: `f32`; for a device that has them all `f32,bf16,f16`) by turns.
 */
export function conformance(op: AnyOp, spec: Spec, options: ConformanceOptions = {}): void {
  const { cases = 24, rowWise = "rows", judge, about } = options;
  const name = about ? `${op.name}.${about}` : op.name;
  const folder = process.env["WHITTLE_CASES"];
  if (folder) {
    const count = Number(process.env["WHITTLE_CASE_COUNT"] ?? cases);
    const dtypes = (process.env["WHITTLE_CASE_ACTIVATIONS"] ?? "f32").split(",") as ActivationDType[];
    // Many, and of the reference: as long as it takes.
    it(`writes ${count} cases of ${name}`, { timeout: 3_600_000 }, () =>
      writeCases(op, spec, { ...options, activations: dtypes, folder, name, cases: count }),
    );
    return;
  }
  describe(name, () => {
    let candidates: Candidate[] = [];
    beforeAll(async () => {
      candidates = await openCandidates(op);
    });
    afterAll(async () => {
      await Promise.all(candidates.map(({ device }) => device.close()));
    });
    for (let index = 0; index < cases; index++) {
      const example = drawCase(op, spec, index, 1, options);
      it(example.label, async () => {
        expect(await complaints(example, candidates, { rowWise: rowWise ?? undefined, judge })).toEqual([]);
      });
    }
  });
}

/** Instruction sets that only some ops have builds for; the others run there as on a weaker one. The program `conformance` takes all ops on all of them. */
const builtFor: Readonly<Record<string, RegExp>> = {
  avxvnni: /\.q8$/,
  dotprod: /\.q8$/,
  i8mm: /\.q8$/,
  avx512bf16: /\.bf16$/,
  amx: /\.(bf16|q8)$/,
};

/** `cpu()` with every instruction set that has a build of the op, and 1, 2 and 3 threads. */
async function openCandidates(op: AnyOp): Promise<Candidate[]> {
  const memoryBytes = 2 ** 28;
  const isas = cpuInfo().isas.filter((isa) => builtFor[isa]?.test(op.name) ?? true);
  return Promise.all(
    isas.flatMap((isa) =>
      [1, 2, 3].map(async (threads) => ({
        name: `cpu ${isa} x${threads}`,
        family: isa,
        device: await cpu({ isa, threads, memoryBytes }),
      })),
    ),
  );
}
