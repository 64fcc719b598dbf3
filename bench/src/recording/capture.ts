import { type AnyOp, type Device, dtypeOfId, type Tensor } from "@whittle/core";

/** An op as it was called; `repeat` records it once more, with the same arguments. */
export interface CapturedCall {
  readonly name: string;
  readonly repeat: () => void;
}

/** Runs `fn` and gives the ops that it records on the device, in order. Views keep their arguments alive beyond the scopes of `fn`. */
export function capture(device: Device, fn: () => void): CapturedCall[] {
  const calls: CapturedCall[] = [];
  const record = device.record.bind(device);
  device.record = (op, inputs, attributes, types) => {
    const kept = device.unscoped(() => inputs.map((tensor) => tensor?.reshape(tensor.shape)));
    const args = argsOf(op, kept, attributes);
    const call = op as unknown as (args: object) => unknown;
    calls.push({ name: op.name, repeat: () => void call(args) });
    return record(op, inputs, attributes, types);
  };
  try {
    fn();
  } finally {
    // The method of the class again.
    delete (device as { record?: unknown }).record;
  }
  return calls;
}

function argsOf(op: AnyOp, inputs: readonly (Tensor | undefined)[], attributes: readonly number[]): object {
  const values = Object.entries(op.args).map(([name, spec], i) => {
    if (spec.kind === "tensor") return [name, inputs[i]];
    const value = attributes[i - inputs.length]!;
    if (spec.kind === "dtype") return [name, dtypeOfId(value)];
    return [name, spec.kind === "boolean" ? value !== 0 : value];
  });
  return Object.fromEntries(values) as object;
}
