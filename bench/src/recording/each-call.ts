import { type AnyOp, type Device, type Tensor } from "@whittle/core";

/** Runs `fn` and visits each op that it records on the device, just before it is recorded: `repeat` records it once more. */
export function eachCall(device: Device, fn: () => void, visit: (name: string, repeat: () => void) => void): void {
  const record = device.record.bind(device);
  let visiting = false;
  device.record = (op, inputs, attributes, types) => {
    if (!visiting) {
      visiting = true;
      const args = argsOf(op, inputs, attributes);
      const call = op as unknown as (args: object) => unknown;
      visit(op.name, () => void call(args));
      visiting = false;
    }
    return record(op, inputs, attributes, types);
  };
  try {
    fn();
  } finally {
    // The method of the class again.
    delete (device as { record?: unknown }).record;
  }
}

function argsOf(op: AnyOp, inputs: readonly (Tensor | undefined)[], attributes: readonly number[]): object {
  const values = Object.entries(op.args).map(([name, spec], i) => {
    if (spec.kind === "tensor") return [name, inputs[i]];
    const value = attributes[i - inputs.length]!;
    return [name, spec.kind === "boolean" ? value !== 0 : value];
  });
  return Object.fromEntries(values) as object;
}
