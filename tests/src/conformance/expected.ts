import {
  type AnyOp,
  bytesOf,
  codecs,
  type DeviceError,
  HostTensor,
  isWhittleError,
  type TensorType,
} from "@whittle/core";
import { type Case, tensorsOf } from "./case.js";

/** What the reference gives for a case: outputs first, then mutated arguments, with the largest error of each element. */
export interface Expected {
  readonly names: readonly string[];
  readonly results: readonly HostTensor[];
  readonly limits: readonly HostTensor[];
  readonly args: Readonly<Record<string, unknown>>;
  readonly failure?: DeviceError;
}

interface RunnableOp extends AnyOp {
  readonly outputs: (args: unknown) => readonly TensorType[];
}

export function expectedOf({ op, tensors, attributes }: Case): Expected {
  const args: Record<string, unknown> = { ...attributes };
  tensorsOf(op).forEach(([name], i) => {
    const plan = tensors[i];
    if (plan) args[name] = new HostTensor(plan.shape, plan.dtype, plan.bytes.slice().buffer);
  });
  const outputs = (op as RunnableOp).outputs(args).map(({ shape, dtype }) => HostTensor.zeros(shape, dtype));
  const mutated = (op.mutates ?? []).map((name) => args[name] as HostTensor);
  const results = [...outputs, ...mutated];
  const names = [...outputs.map((_, i) => `output ${i}`), ...(op.mutates ?? [])];
  const limits = results.map(({ shape }) => HostTensor.limits(shape));
  try {
    (op.reference as (args: unknown, outputs: unknown) => void)(args, outputs);
  } catch (error) {
    if (!isWhittleError(error, "device")) throw error;
    return { names, results, limits, args, failure: error as DeviceError };
  }
  if (op.bound) (op.bound as (...args: unknown[]) => void)(args, limits, outputs);
  else results.forEach((result, i) => fourUnits(result, limits[i]!));
  return { names, results, limits, args };
}

/** The default bound: 4 units in the last place of the dtype, none for integers. */
function fourUnits(result: HostTensor, limit: HostTensor): void {
  const { unit } = codecs[result.dtype];
  eachElement(result, (at) => limit.set(8 * unit * Math.abs(result.at(...at)) + (unit && 2 ** -147), ...at));
}

/** Visits all positions of a tensor. */
export function eachElement({ shape }: TensorType, visit: (at: [number, number, number, number]) => void): void {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) for (let l = 0; l < d; l++) visit([i, j, k, l]);
  }
}

/** A tensor of these stored elements. */
export function hostTensor({ shape, dtype }: TensorType, bytes: Uint8Array): HostTensor {
  if (bytes.length !== shape.reduce((product, size) => product * size, bytesOf(dtype))) {
    throw new Error(`${bytes.length} bytes are no ${dtype} tensor of shape [${shape.join(", ")}]`);
  }
  return new HostTensor(shape, dtype, bytes.slice().buffer);
}
