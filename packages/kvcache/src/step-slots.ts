import { bytesOf, type Device, type Slot } from "@whittle/core";

/** A slot lent to one open step, with host memory of its size to compose its content in. */
export interface StepSlot {
  readonly slot: Slot;
  readonly host: Int32Array;
}

/**
 * The i32 slots that steps put their tables into, kept for reuse. Sizes are powers of two, so that few ever exist. A slot given back while the ops that read it are still
 * queued is safe to write again: writes go in queue order.
 */
export class StepSlots {
  private readonly idle = new Map<number, StepSlot[]>();
  private readonly all: StepSlot[] = [];

  constructor(private readonly device: Device) {}

  get bytes(): number {
    return this.all.reduce((bytes, { host }) => bytes + host.length * bytesOf("i32"), 0);
  }

  /** A slot of at least `elements` elements. @throws OutOfMemory */
  take(elements: number): StepSlot {
    const size = Math.max(64, powerOfTwoFrom(elements));
    const idle = this.idle.get(size)?.pop();
    if (idle) return idle;
    const slot = { slot: this.device.slot([size], "i32"), host: new Int32Array(size) };
    this.all.push(slot);
    return slot;
  }

  give(slot: StepSlot): void {
    const size = slot.host.length;
    this.idle.set(size, [...(this.idle.get(size) ?? []), slot]);
  }

  dispose(): void {
    for (const { slot } of this.all.splice(0)) slot.tensor.dispose();
    this.idle.clear();
  }
}

/** The smallest power of two that is at least `n`; 1 for 0. */
export function powerOfTwoFrom(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}
