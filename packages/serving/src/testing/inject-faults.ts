import { type AnyOp, type Device, DeviceError, OutOfMemory } from "@whittle/core";

/** `allocation`: recording throws for want of memory. `op`: the op fails when it runs, and with it what is derived from it. */
export type Fault = "allocation" | "op";

/** From now on asks before each op on a reference device whether it is to fail, and how. */
export function injectFaults(device: Device, decide: (op: string) => Fault | undefined): void {
  const record = device.record.bind(device);
  device.record = (op, inputs, attributes, types) => {
    const fault = decide(op.name);
    if (fault === "allocation") throw new OutOfMemory(op.name, 1, 0, 1);
    return record(fault === "op" ? failing(op) : op, inputs, attributes, types);
  };
}

function failing(op: AnyOp): AnyOp {
  return {
    ...op,
    name: op.name,
    reference: () => {
      throw new DeviceError(op.name, "injected");
    },
  };
}
