import {
  bytesOf,
  type Device,
  type DeviceError,
  type DType,
  type HostTensor,
  isBlockDType,
  isWhittleError,
  type Tensor,
  type TensorType,
} from "@whittle/core";
import { type Case, tensorsOf } from "./case.js";
import { eachElement, type Expected, expectedOf, hostTensor } from "./expected.js";
import { tolerance } from "./tolerance.js";
import { materialise } from "./materialise.js";

/** A device under test; those of one `family` must agree bit for bit. */
export interface Candidate {
  readonly name: string;
  readonly family: string;
  readonly device: Device;
}

/** Judges the rows of an output whose error has no bound. */
export interface Judge {
  /** What is wrong with this row's result, if anything. */
  complaint(expected: Expected, got: HostTensor, row: number): string | undefined;
  /** Whether nothing but the reference's result passes. */
  certain(expected: Expected, row: number): boolean;
}

export interface RunOptions {
  /** Dimension along which rows are independent: a row alone must give the bits that it gives among others. Default: none. */
  readonly rowWise?: string | undefined;
  /** Replaces the comparison with the bound for the first output. */
  readonly judge?: Judge | undefined;
}

type Outcome = { readonly bytes: readonly Uint8Array[] } | { readonly failure: DeviceError };

/** Everything that is wrong with how the candidates run a case; empty if nothing. */
export async function complaints(
  example: Case,
  candidates: readonly Candidate[],
  options: RunOptions,
): Promise<string[]> {
  const expected = expectedOf(example);
  const found: string[] = [];
  const families = new Map<string, { name: string; outcome: Outcome }>();
  for (const { name, family, device } of candidates) {
    const complain = (text: string) => found.push(`${name}: ${example.op.name}, ${example.label}: ${text}`);
    const outcome = await outcomeOf(example, device);
    const first = families.get(family);
    if (first) {
      if (!sameOutcome(expected.results, first.outcome, outcome))
        complain(`its bits differ from those of ${first.name}`);
      continue;
    }
    families.set(family, { name, outcome });
    compare(example, expected, outcome, options, complain);
    if ("bytes" in outcome && options.rowWise)
      await compareRows(example, device, expected, outcome.bytes, options.rowWise, complain);
  }
  return found;
}

async function outcomeOf(
  { op, tensors, attributes }: Case,
  device: Device,
  rows?: [number, number],
  rowDim?: string,
): Promise<Outcome> {
  const made: Tensor[] = [];
  const args: Record<string, unknown> = { ...attributes };
  tensorsOf(op).forEach(([name, { dims }], i) => {
    const plan = tensors[i];
    if (!plan) return;
    const whole = materialise(device, plan);
    const tensor = rows && dims[0] === rowDim ? whole.rows(...rows) : whole;
    made.push(whole, tensor);
    args[name] = tensor;
  });
  const result = (op as unknown as (args: unknown) => Tensor | Tensor[] | undefined)(args);
  const outputs = result === undefined ? [] : Array.isArray(result) ? result : [result];
  const read = [...outputs, ...(op.mutates ?? []).map((name) => args[name] as Tensor)];
  try {
    return { bytes: await Promise.all(read.map((tensor) => tensor.readBytes())) };
  } catch (error) {
    if (!isWhittleError(error, "device")) throw error;
    return { failure: error as DeviceError };
  } finally {
    for (const tensor of [...made, ...outputs]) tensor.dispose();
  }
}

function sameOutcome(types: readonly TensorType[], a: Outcome, b: Outcome): boolean {
  if ("failure" in a || "failure" in b)
    return "failure" in a && "failure" in b && a.failure.message === b.failure.message;
  return a.bytes.every((bytes, i) => sameElements(types[i]!.dtype, bytes, b.bytes[i]!));
}

/** Bit for bit, except that a NaN is a NaN: which operand's payload an instruction keeps is up to the compiler. */
function sameElements(dtype: DType, a: Uint8Array, b: Uint8Array): boolean {
  if (Buffer.compare(a, b) === 0) return true;
  if (isBlockDType(dtype)) return false;
  const [x, y] = [a, b].map((bytes) => hostTensor({ dtype, shape: [bytes.length / bytesOf(dtype)] }, bytes)) as [
    HostTensor,
    HostTensor,
  ];
  for (let i = 0; i < x.size(0); i++) if (!Object.is(x.at(i), y.at(i))) return false;
  return x.size(0) === y.size(0);
}

function compare(
  example: Case,
  expected: Expected,
  outcome: Outcome,
  { judge }: RunOptions,
  complain: (text: string) => void,
): void {
  if ("failure" in outcome || expected.failure) {
    const got = "failure" in outcome ? outcome.failure.message : "a result";
    const wanted = expected.failure?.message ?? "a result";
    if (got !== wanted) complain(`gave ${got}, expected ${wanted}`);
    return;
  }
  expected.results.forEach((result, i) => {
    const got = hostTensor(result, outcome.bytes[i]!);
    if (i === 0 && judge) {
      for (let row = 0; row < got.size(0); row++) {
        const wrong = judge.complaint(expected, got, row);
        if (wrong) complain(wrong);
      }
      return;
    }
    if (isBlockDType(result.dtype)) {
      for (let row = 0; row < got.size(0); row++) {
        const wrong = got.rowBytes(row).findIndex((byte, at) => byte !== result.rowBytes(row)[at]);
        if (wrong >= 0) complain(`${expected.names[i]}: byte ${wrong} of row ${row} is wrong`);
      }
      return;
    }
    const limits = expected.limits[i]!;
    let wrong = 0;
    eachElement(result, (at) => {
      const limit = tolerance(result.dtype, result.at(...at), limits.at(...at), example.finite);
      if (agree(got.at(...at), result.at(...at), limit, example.finite)) return;
      if (++wrong > 3) return;
      const where = `${expected.names[i]}[${at.slice(0, result.shape.length).join(", ")}]`;
      complain(`${where} is ${got.at(...at)}, expected ${result.at(...at)} ± ${limit}`);
    });
    if (wrong > 3) complain(`${wrong} elements of ${expected.names[i]} in all are wrong`);
  });
}

function agree(got: number, wanted: number, limit: number, finite: boolean): boolean {
  return Object.is(got, wanted) || Math.abs(got - wanted) <= limit || got === wanted || (limit === Infinity && finite);
}

async function compareRows(
  example: Case,
  device: Device,
  expected: Expected,
  whole: readonly Uint8Array[],
  rowDim: string,
  complain: (text: string) => void,
): Promise<void> {
  const index = tensorsOf(example.op).findIndex(([, { dims }], i) => example.tensors[i] && dims[0] === rowDim);
  const rows = example.tensors[index]?.shape[0] ?? 0;
  if (rows < 2) return;
  const middle = rows >> 1;
  for (const [from, to] of [
    [0, 1],
    [middle, middle + 1],
    [rows - 1, rows],
    [middle, rows],
    [0, rows - 1],
  ] as const) {
    const part = await outcomeOf(example, device, [from, to], rowDim);
    if ("failure" in part) {
      complain(`rows ${from} to ${to} alone fail: ${part.failure.message}`);
      continue;
    }
    part.bytes.forEach((bytes, i) => {
      const rowBytes = whole[i]!.length / rows;
      if (!sameElements(expected.results[i]!.dtype, bytes, whole[i]!.subarray(from * rowBytes, to * rowBytes))) {
        complain(`rows ${from} to ${to} give other bits alone than among all ${rows}`);
      }
    });
  }
}
