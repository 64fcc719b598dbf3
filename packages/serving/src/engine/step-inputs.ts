import { type Device, type DType, type Shape, type Slot, type Tensor } from "@whittle/core";

/** A slot as long as the longest step needs, and the host's copy of it; a step uses the beginning of both. */
export class StepInput<T extends Int32Array | Float32Array> {
  private readonly slot: Slot;
  private readonly rowElements: number;

  constructor(
    device: Device,
    dtype: DType,
    shape: Shape,
    readonly values: T,
  ) {
    this.slot = device.slot(shape, dtype);
    this.rowElements = values.length / shape[0]!;
  }

  /** Sends the first rows to the device. */
  send(rows: number): Tensor {
    this.slot.write(this.values.subarray(0, this.rowElements * rows));
    return this.slot.tensor.rows(0, rows);
  }

  dispose(): void {
    this.slot.tensor.dispose();
  }
}

export function intInput(device: Device, rows: number, columns?: number): StepInput<Int32Array> {
  return new StepInput(device, "i32", shapeOf(rows, columns), new Int32Array(rows * (columns ?? 1)));
}

export function floatInput(device: Device, rows: number, columns: number): StepInput<Float32Array> {
  return new StepInput(device, "f32", shapeOf(rows, columns), new Float32Array(rows * columns));
}

function shapeOf(rows: number, columns: number | undefined): Shape {
  return columns === undefined ? [rows] : [rows, columns];
}
