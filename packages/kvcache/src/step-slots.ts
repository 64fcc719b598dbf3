import { bytesOf, type Device, type Slot, type Tensor } from "@whittle/core";

/** How many elements each part of a step's tables has. */
export interface StepLayout {
  readonly batchRows: number;
  readonly sequences: number;
  readonly blocksPerSequence: number;
}

/** A step's inputs to the paged ops, views of one slot: see `appendKvPaged` and `attendPartPaged`. */
export interface StepViews {
  readonly slots: Tensor;
  readonly rows: Tensor;
  readonly tables: Tensor;
}

/** A slot lent to one open step, with host memory of its size to compose its content in. */
export class StepSlot {
  readonly host: Int32Array;
  readonly slot: Slot;
  private last: (StepViews & { layout: StepLayout }) | undefined;

  constructor(device: Device, size: number) {
    this.host = new Int32Array(size);
    this.slot = device.slot([size], "i32");
  }

  /** Views of the parts, one after another. Kept: while a batch only decodes, its layout seldom changes, and making views costs more than filling them. */
  views(layout: StepLayout): StepViews {
    const { batchRows, sequences, blocksPerSequence } = layout;
    const known = this.last?.layout;
    if (
      known?.batchRows === batchRows &&
      known.sequences === sequences &&
      known.blocksPerSequence === blocksPerSequence
    )
      return this.last!;
    this.forgetViews();
    const { tensor } = this.slot;
    return (this.last = tensor.device.unscoped(() => ({
      layout,
      slots: tensor.rows(0, batchRows),
      rows: matrixIn(tensor, batchRows, batchRows, 2),
      tables: matrixIn(tensor, 3 * batchRows, sequences, blocksPerSequence),
    })));
  }

  dispose(): void {
    this.forgetViews();
    this.slot.tensor.dispose();
  }

  private forgetViews(): void {
    if (this.last) for (const view of [this.last.slots, this.last.rows, this.last.tables]) view.dispose();
    this.last = undefined;
  }
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
    const slot = new StepSlot(this.device, size);
    this.all.push(slot);
    return slot;
  }

  give(slot: StepSlot): void {
    const size = slot.host.length;
    const idle = this.idle.get(size);
    if (idle) idle.push(slot);
    else this.idle.set(size, [slot]);
  }

  dispose(): void {
    for (const slot of this.all.splice(0)) slot.dispose();
    this.idle.clear();
  }
}

/** The smallest power of two that is at least `n`; 1 for 0. */
export function powerOfTwoFrom(n: number): number {
  return n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1));
}

/** Elements `from …` of a vector as a matrix, a view. */
export function matrixIn(vector: Tensor, from: number, rows: number, columns: number): Tensor {
  const flat = vector.rows(from, from + rows * columns);
  const view = flat.reshape([rows, columns]);
  flat.dispose();
  return view;
}
