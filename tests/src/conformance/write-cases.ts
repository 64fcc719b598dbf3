import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyOp, bytesOf, codecs, type DType, isBlockDType, rowElementsOf } from "@whittle/core";
import { type CaseExpectation, type CaseInput, type ConformanceCase, encodeCase } from "../case-file.js";
import { type Case, type CaseOptions, drawCase, type Spec, type TensorPlan, tensorsOf } from "./case.js";
import { type Expected, expectedOf } from "./expected.js";
import { type Judge, type RunOptions } from "./run.js";
import { tolerance } from "./tolerance.js";

/** Writes drawn cases of an op to `<folder>/<name>.cases`, for the C++ program `conformance`. What a judge is not certain of is not compared. */
export function writeCases(
  op: AnyOp,
  spec: Spec,
  {
    folder,
    name,
    cases,
    judge,
    ...options
  }: { folder: string; name: string; cases: number } & Pick<RunOptions, "judge"> & CaseOptions,
): void {
  const encoded = Array.from({ length: cases }, (_, index) =>
    encodeCase(conformanceCase(drawCase(op, spec, index, 1, options), judge)),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.cases`), Buffer.concat(encoded));
}

function conformanceCase(example: Case, judge: Judge | undefined): ConformanceCase {
  const { op, tensors, attributes } = example;
  const expected = expectedOf(example);
  const mutates = op.mutates ?? [];
  const outputCount = expected.results.length - mutates.length;
  return {
    op: op.name,
    inputs: tensorsOf(op).map(([name], i) => {
      const plan = tensors[i];
      const mutated = mutates.indexOf(name);
      return plan && caseInput(plan, mutated < 0 ? undefined : expectation(example, expected, outputCount + mutated));
    }),
    attributes: Object.entries(op.args).flatMap(([name, arg]) =>
      arg.kind === "tensor" ? [] : [attributeWord(attributes[name])],
    ),
    outputs: expected.results.slice(0, outputCount).map((result, i) => {
      const { values, limits } = expectation(example, expected, i);
      return {
        dtype: result.dtype,
        shape: result.shape,
        values,
        limits: judge && i === 0 ? limits.map((_, row) => (judge.certain(expected, row) ? 0 : Infinity)) : limits,
      };
    }),
    fails: expected.failure !== undefined,
  };
}

/** As native devices get it: booleans as 0 and 1, dtypes as their ids, −1 for none. */
function attributeWord(value: number | boolean | DType | undefined): number {
  if (value === undefined) return -1;
  return typeof value === "string" ? codecs[value].id : Number(value);
}

/** The same layouts as on a device: rows apart, with ones all over the gaps. */
function caseInput({ dtype, shape, bytes, layout }: TensorPlan, expected: CaseExpectation | undefined): CaseInput {
  const columns = rowElementsOf(shape);
  const gap = layout === "columns" ? 5 : 0;
  const [rowBytes, strideBytes] = [columns * bytesOf(dtype), (columns + gap) * bytesOf(dtype)];
  const rows = rowBytes === 0 ? 0 : bytes.length / rowBytes;
  const apart = new Uint8Array(Math.max(0, rows * strideBytes - gap * bytesOf(dtype))).fill(0xff);
  for (let row = 0; row < rows; row++) {
    apart.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), row * strideBytes);
  }
  return { dtype, shape, rowStride: columns + gap, bytes: apart, ...(expected && { expected }) };
}

function expectation(example: Case, expected: Expected, index: number): CaseExpectation {
  const result = expected.results[index]!;
  if (isBlockDType(result.dtype)) {
    const values = Float64Array.from(
      Array.from({ length: result.size(0) }, (_, row) => [...result.rowBytes(row)]).flat(),
    );
    return { values, limits: new Float64Array(values.length) };
  }
  const values = result.toArray();
  const limits = expected.limits[index]!.toArray().map((limit, i) =>
    tolerance(result.dtype, values[i]!, limit, example.finite),
  );
  return { values, limits };
}
