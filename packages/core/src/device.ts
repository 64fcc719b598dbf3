import { type ActivationDType, encode, bytesOf, type DType } from "./dtypes.js";
import { ArgumentError, ShapeError } from "./errors.js";
import { checkBlocks } from "./block-formats.js";
import { type AnyOp } from "./define-op.js";
import { type Program } from "./program.js";
import { elementsOf, formatShape, isShape, rowElementsOf, type Shape } from "./shape.js";
import { describe, isTensor, Tensor, type TensorType } from "./tensor.js";

/** A piece of device memory, shared by the views of it. Devices extend it with what finds the memory. */
export interface Storage {
  /** Bytes asked for. */
  readonly bytes: number;
  /** Views alive. At zero the device takes the memory back. */
  references: number;
}

/** Exact bytes, by part. `live` is what tensors hold now, `reserved` what the pool has taken for it, `mapped` what files back. */
export interface DeviceMemory {
  readonly live: number;
  readonly peak: number;
  readonly reserved: number;
  readonly mapped: number;
  readonly budget: number;
}

/** A tensor whose content the host replaces, in queue order: what was recorded before sees the old content. */
export interface Slot {
  readonly tensor: Tensor;
  /** Copies `values` (as many as the slot has elements, or fewer: the rest keeps its content). */
  write(values: ArrayLike<number>): void;
}

/**
 * A queue of ops. Recording returns at once; only `read()` and `sync()` wait. Implemented by the reference device
 * and by native devices, which supply the abstract members; scopes, views, slots and the count of bytes are the same everywhere.
 */
export abstract class Device {
  abstract readonly name: string;
  /** What the activations of its kernels may be. Default: f32 alone. */
  readonly activationDTypes: readonly ActivationDType[] = ["f32"];
  /** What a model should compute in unless asked otherwise: `f32`, or 16 bits if its checkpoint is `stored` so. */
  readonly preferredActivations: "f32" | "stored" = "f32";

  private readonly scopes: Tensor[][] = [];
  private readonly finalizers = new FinalizationRegistry<Storage>((storage) => this.drop(storage));
  private liveBytes = 0;
  private peakBytes = 0;

  /** Bytes that tensors hold now. */
  protected get live(): number {
    return this.liveBytes;
  }

  /** Takes memory in queue order. @throws OutOfMemory */
  protected abstract allocate(bytes: number, what: string): Storage;
  /** Takes memory back in queue order: ops already recorded still use it. */
  protected abstract free(storage: Storage): void;
  /** Records one op. Arguments are checked; outputs are allocated. */
  protected abstract enqueue(
    op: AnyOp,
    inputs: readonly (Tensor | undefined)[],
    attributes: readonly number[],
    outputs: readonly Tensor[],
  ): void;
  /** Records a copy from the host; `bytes` may be reused at once. `tensor` is dense. */
  protected abstract enqueueWrite(tensor: Tensor, bytes: Uint8Array): void;
  /** Records a copy to the host, dense. */
  abstract read(tensor: Tensor): Promise<Uint8Array>;
  /** Waits for everything recorded so far. */
  abstract sync(): Promise<void>;
  /** Forgets the failure of ops that mutated these tensors: their owner has undone what those ops would have done. */
  abstract heal(tensors: readonly Tensor[]): void;
  /** Bytes `[byteOffset, …)` of a file as a tensor, memory-mapped where the device can. The file must stay as it is while in use. */
  abstract map(file: string, byteOffset: number, dtype: DType, shape: Shape): Promise<Tensor>;
  abstract supports(op: AnyOp): boolean;
  /** Joins the queue and gives all memory back. Later use throws `DeviceLost`. */
  abstract close(): Promise<void>;
  protected abstract poolMemory(): { reserved: number; mapped: number; budget: number };

  memory(): DeviceMemory {
    return { live: this.liveBytes, peak: this.peakBytes, ...this.poolMemory() };
  }

  /** A tensor with undefined content. */
  empty(shape: Shape, dtype: DType, what = "empty"): Tensor {
    return this.make(shape, dtype, what);
  }

  /** A tensor holding `values`, row-major, rounded to `dtype` (quantised, if that is a block format). */
  tensor(values: ArrayLike<number>, shape: Shape, dtype: DType = "f32"): Tensor {
    if (values.length !== elementsOf(shape)) {
      throw new ShapeError(
        `tensor: ${values.length} values for shape ${formatShape(shape)}, which has ${elementsOf(shape)}`,
      );
    }
    const tensor = this.empty(shape, dtype, "tensor");
    this.enqueueWrite(tensor, encode(dtype, values));
    return tensor;
  }

  /** A tensor holding bytes as stored (little-endian, row-major). */
  tensorFromBytes(bytes: Uint8Array, shape: Shape, dtype: DType): Tensor {
    checkBlocks(dtype, shape, "tensorFromBytes");
    const expected = elementsOf(shape) * bytesOf(dtype);
    if (bytes.byteLength !== expected)
      throw new ShapeError(
        `tensorFromBytes: ${bytes.byteLength} bytes for ${formatShape(shape)} ${dtype}, which has ${expected}`,
      );
    const tensor = this.empty(shape, dtype, "tensorFromBytes");
    this.enqueueWrite(tensor, bytes);
    return tensor;
  }

  zeros(shape: Shape, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, dtype, "zeros");
    this.enqueueWrite(tensor, new Uint8Array(elementsOf(shape) * bytesOf(dtype)));
    return tensor;
  }

  /** An input that changes from step to step. Owned by the caller (no scope frees it). */
  slot(shape: Shape, dtype: DType): Slot {
    const tensor = this.unscoped(() => this.zeros(shape, dtype));
    return {
      tensor,
      write: (values) => {
        tensor.assertAlive("slot.write");
        if (values.length > tensor.elements)
          throw new ShapeError(`slot.write: ${values.length} values for a slot ${describe(tensor)}`);
        const filled =
          values.length === tensor.elements ? tensor : new Tensor(this, tensor.storage, dtype, [values.length], 0, 1);
        this.enqueueWrite(filled, encode(dtype, values));
      },
    };
  }

  /**
   * Runs `fn` and frees every tensor made in it, except those it returns (alone, in an array or in a plain object).
   * @throws ArgumentError if `fn` returns a promise: a scope is synchronous.
   */
  scope<T>(fn: () => T): T {
    const made: Tensor[] = [];
    this.scopes.push(made);
    let kept: Set<Tensor> | undefined;
    try {
      const result = fn();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new ArgumentError("scope: the function returned a promise; a scope is synchronous (await outside of it)");
      }
      kept = new Set();
      collect(result, kept, 0);
      return result;
    } finally {
      this.scopes.pop();
      for (const tensor of made) {
        if (kept?.has(tensor)) this.own(tensor);
        else tensor.dispose();
      }
    }
  }

  /** Runs `fn` as if no scope were open: the tensors made in it are the caller's to dispose. For what outlives the call, such as a cache's pools. */
  unscoped<T>(fn: () => T): T {
    const scopes = this.scopes.splice(0);
    try {
      return fn();
    } finally {
      this.scopes.push(...scopes);
    }
  }

  /**
   * Keeps the ops that the synchronous `fn` records over `inputs`, without running them; all of what it makes is freed, but what it returns becomes the
   * outputs. Undefined if this device records everything each time: then calling `fn` is all there is to gain.
   * @throws ArgumentError if `fn` does anything but record ops (writes, reads, takes memory without an op), or returns what it has not made
   */
  program(_inputs: readonly Tensor[], _fn: () => readonly Tensor[]): Program | undefined {
    return undefined;
  }

  /** Whether somebody has put a function of their own before `record`, to see each op: then nothing may be replayed. */
  get intercepted(): boolean {
    return this.record !== Device.prototype.record;
  }

  /** Makes the outputs and records the op; `defineOp` has checked the arguments. When that fails nothing stays allocated. */
  record(
    op: AnyOp,
    inputs: readonly (Tensor | undefined)[],
    attributes: readonly number[],
    types: readonly TensorType[],
  ): Tensor[] {
    const outputs: Tensor[] = [];
    try {
      for (let i = 0; i < types.length; i++) outputs.push(this.make(types[i]!.shape, types[i]!.dtype, op.name));
      this.enqueue(op, inputs, attributes, outputs);
    } catch (error) {
      for (const tensor of outputs) tensor.dispose();
      throw error;
    }
    return outputs;
  }

  /** Used by `Tensor` to make views. */
  viewOf(tensor: Tensor, shape: Shape, byteOffset: number, rowStride: number): Tensor {
    tensor.storage.references++;
    return this.adopt(new Tensor(this, tensor.storage, tensor.dtype, shape, byteOffset, rowStride), false);
  }

  /** Used by `Tensor.dispose`. */
  disposeTensor(tensor: Tensor): void {
    if (tensor.disposed) return;
    tensor.disposed = true;
    if (tensor.registered) this.finalizers.unregister(tensor);
    this.drop(tensor.storage);
  }

  /** Takes a tensor over whose storage is not from the pool (a mapped file): its bytes do not count as live. */
  protected adopt(tensor: Tensor, first = true): Tensor {
    if (first) tensor.storage.references = 1;
    this.own(tensor);
    return tensor;
  }

  /** A tensor of memory that is not initialised. @throws OutOfMemory naming `what` */
  protected make(shape: Shape, dtype: DType, what: string): Tensor {
    checkBlocks(dtype, shape, what);
    const rowElements = rowElementsOf(shape);
    const bytes = rowElements * (shape.length > 0 ? shape[0]! : 1) * bytesOf(dtype);
    if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && isShape(shape)))
      throw new ShapeError(`${what}: ${formatShape(shape)} is no shape (at most 4 whole numbers)`);
    const storage = this.allocate(bytes, what);
    storage.references = 1;
    this.count(bytes);
    const tensor = new Tensor(this, storage, dtype, shape, 0, rowElements);
    this.own(tensor);
    return tensor;
  }

  /** So many bytes more (or less) are in use. */
  protected count(bytes: number): void {
    this.liveBytes += bytes;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
  }

  private own(tensor: Tensor): void {
    const scope = this.scopes[this.scopes.length - 1];
    if (scope) {
      scope.push(tensor);
    } else {
      tensor.registered = true;
      this.finalizers.register(tensor, tensor.storage, tensor);
    }
  }

  private drop(storage: Storage): void {
    if (--storage.references > 0) return;
    if (this.countsAsLive(storage)) this.count(-storage.bytes);
    this.free(storage);
  }

  /** Mapped storages answer false. */
  protected countsAsLive(_storage: Storage): boolean {
    return true;
  }
}

function collect(value: unknown, into: Set<Tensor>, depth: number): void {
  if (isTensor(value)) into.add(value);
  else if (depth < 4 && typeof value === "object" && value !== null) {
    const inner = Array.isArray(value) ? value : Object.values(value);
    for (const item of inner) collect(item, into, depth + 1);
  }
}
