import { checkBlocks, isBlockDType } from "./block-formats.js";
import { type Device, type Storage } from "./device.js";
import { bytesOf, decode, type DType, type HostArray } from "./dtypes.js";
import { DisposedError, ShapeError } from "./errors.js";
import { elementsOf, formatShape, rowElementsOf, type Shape } from "./shape.js";

/** Shape and dtype of a tensor that does not exist yet. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The type of `x`, for ops whose output looks like an input. */
export function like(x: TensorType): TensorType {
  return { shape: x.shape, dtype: x.dtype };
}

const brand = Symbol.for("whittle.tensor");

/**
 * A view of device memory, row-major, whose leading rows may lie apart (`rowStride` elements).
 *
 * Its shape and dtype are known at once; its content exists when the device has come that far. Made by devices and ops.
 */
export class Tensor implements TensorType {
  /** Set by a scope or a finalizer registry; not for users. */
  disposed = false;
  /** Whether a finalizer watches over it: outside of scopes. Set by the device. */
  registered = false;

  constructor(
    readonly device: Device,
    readonly storage: Storage,
    readonly dtype: DType,
    readonly shape: Shape,
    /** Where the view begins in its storage, in bytes. */
    readonly byteOffset: number,
    /** Elements from one leading row to the next. */
    readonly rowStride: number,
  ) {}

  get elements(): number {
    return elementsOf(this.shape);
  }

  /** Whether rows follow each other without a gap. */
  get dense(): boolean {
    return this.shape.length === 0 || this.shape[0]! <= 1 || this.rowStride === rowElementsOf(this.shape);
  }

  /**
   * Waits for the device to compute this tensor and gives its elements, dense and row-major; 16-bit floats and blocks arrive as f32, decoded exactly.
   *
   * The copy is recorded at the call: ops recorded later (also a `dispose()`) do not change what is read.
   * @throws DeviceError if the op that makes this tensor, or one it depends on, failed.
   */
  async read(): Promise<HostArray> {
    return decode(this.dtype, await this.readBytes());
  }

  /** As `read()`, but the bytes as stored. */
  readBytes(): Promise<Uint8Array> {
    this.assertAlive("read");
    return this.device.read(this);
  }

  /** Leading rows `from` (included) to `to` (excluded), as a view. */
  rows(from: number, to: number): Tensor {
    const rows = this.shape[0];
    if (rows === undefined || !(from >= 0 && from <= to && to <= rows)) {
      throw new ShapeError(`rows(${from}, ${to}): the tensor is ${describe(this)}`);
    }
    const shape = [to - from, ...this.shape.slice(1)];
    return this.view(shape, this.byteOffset + from * this.rowStride * bytesOf(this.dtype), this.rowStride);
  }

  /** Columns `from` (included) to `to` (excluded) of a `[rows, columns]` tensor, as a view. Not of blocks. */
  columns(from: number, to: number): Tensor {
    const [rows, columns] = this.shape;
    if (this.shape.length !== 2 || !(from >= 0 && from <= to && to <= columns!)) {
      throw new ShapeError(`columns(${from}, ${to}): the tensor is ${describe(this)}`);
    }
    if (isBlockDType(this.dtype))
      throw new ShapeError(
        `columns(${from}, ${to}): the tensor is ${describe(this)}, whose rows are blocks and stay whole`,
      );
    return this.view([rows!, to - from], this.byteOffset + from * bytesOf(this.dtype), this.rowStride);
  }

  /** The same elements in another shape, as a view. Rows that lie apart keep their leading size. */
  reshape(shape: Shape): Tensor {
    if (elementsOf(shape) !== this.elements || (!this.dense && shape[0] !== this.shape[0])) {
      throw new ShapeError(`reshape: ${describe(this)} cannot be viewed as ${formatShape(shape)}`);
    }
    checkBlocks(this.dtype, shape, "reshape");
    return this.view(shape, this.byteOffset, this.dense ? rowElementsOf(shape) : this.rowStride);
  }

  /** Gives the memory back (once the last view of it is gone). Safe to call twice, and while ops that use it are still queued. */
  dispose(): void {
    this.device.disposeTensor(this);
  }

  /** @throws DisposedError */
  assertAlive(what: string): void {
    if (this.disposed) throw new DisposedError(`${what}: the tensor ${describe(this)} was disposed`);
  }

  private view(shape: Shape, byteOffset: number, rowStride: number): Tensor {
    this.assertAlive("view");
    return this.device.viewOf(this, shape, byteOffset, rowStride);
  }
}

Object.defineProperty(Tensor.prototype, brand, { value: true });

/** Whether a value is a tensor, also of another copy of this package. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && brand in value;
}

/** `[12, 768] f32` */
export function describe(x: TensorType): string {
  return `${formatShape(x.shape)} ${x.dtype}`;
}
