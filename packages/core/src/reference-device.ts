import { open } from "node:fs/promises";
import { Device, type Storage } from "./device.js";
import { checkBlocks } from "./block-formats.js";
import { type AnyOp } from "./define-op.js";
import { activationDTypes, bytesOf, type DType, dtypeOfId } from "./dtypes.js";
import { CheckpointError, type DeviceError, DeviceLost, isWhittleError, OutOfMemory } from "./errors.js";
import { HostTensor } from "./host-tensor.js";
import { elementsOf, rowElementsOf, type Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

interface HostStorage extends Storage {
  readonly buffer: ArrayBuffer;
  /** Why the content is not what it should be. */
  failure?: DeviceError | undefined;
}

export interface ReferenceOptions {
  /** Bytes that live tensors may take. Default: no limit. */
  memoryBytes?: number;
}

/** The device that every other is tested against: each op's `reference`, run when it is recorded. Slow and obviously right. */
export function reference(options: ReferenceOptions = {}): Device {
  return new ReferenceDevice(options.memoryBytes ?? Infinity);
}

class ReferenceDevice extends Device {
  readonly name = "reference";
  override readonly activationDTypes = activationDTypes;
  private closed = false;

  constructor(private readonly budget: number) {
    super();
  }

  supports(): boolean {
    return true;
  }

  protected allocate(bytes: number, what: string): HostStorage {
    this.assertOpen();
    const free = this.budget - this.live;
    if (bytes > free) throw new OutOfMemory(what, bytes, free, this.budget);
    return { bytes, references: 0, buffer: new ArrayBuffer(bytes) };
  }

  protected free(): void {}

  protected enqueue(
    op: AnyOp,
    inputs: readonly (Tensor | undefined)[],
    attributes: readonly number[],
    outputs: readonly Tensor[],
  ): void {
    this.assertOpen();
    const args: Record<string, unknown> = {};
    const mutated: Tensor[] = [];
    let failure: DeviceError | undefined;
    for (const [i, [key, spec]] of Object.entries(op.args).entries()) {
      if (spec.kind !== "tensor") {
        const value = attributes[i - inputs.length]!;
        args[key] =
          spec.kind === "boolean"
            ? value !== 0
            : spec.kind === "dtype" || spec.kind === "blocks"
              ? dtypeOfId(value)
              : value;
        continue;
      }
      const tensor = inputs[i];
      if (!tensor) continue;
      args[key] = hostView(tensor);
      failure ??= storageOf(tensor).failure;
      if (op.mutates?.includes(key)) mutated.push(tensor);
    }
    if (!failure) {
      try {
        (op.reference as (args: unknown, outputs: unknown) => void)(args, outputs.map(hostView));
      } catch (error) {
        if (!isWhittleError(error, "device")) throw error;
        failure = error as DeviceError;
      }
    }
    for (const tensor of [...outputs, ...mutated]) storageOf(tensor).failure = failure;
  }

  protected enqueueWrite(tensor: Tensor, bytes: Uint8Array): void {
    this.assertOpen();
    const storage = storageOf(tensor);
    new Uint8Array(storage.buffer).set(bytes, tensor.byteOffset);
    storage.failure = undefined;
  }

  read(tensor: Tensor): Promise<Uint8Array> {
    this.assertOpen();
    const { failure, buffer } = storageOf(tensor);
    if (failure) return Promise.reject(failure);
    const size = bytesOf(tensor.dtype);
    const rowBytes = rowElementsOf(tensor.shape) * size;
    const bytes = new Uint8Array(tensor.elements * size);
    for (let row = 0; row * rowBytes < bytes.length; row++) {
      bytes.set(new Uint8Array(buffer, tensor.byteOffset + row * tensor.rowStride * size, rowBytes), row * rowBytes);
    }
    return Promise.resolve(bytes);
  }

  async sync(): Promise<void> {
    this.assertOpen();
  }

  heal(tensors: readonly Tensor[]): void {
    for (const tensor of tensors) storageOf(tensor).failure = undefined;
  }

  async map(file: string, byteOffset: number, dtype: DType, shape: Shape): Promise<Tensor> {
    checkBlocks(dtype, shape, "map");
    const bytes = new Uint8Array(elementsOf(shape) * bytesOf(dtype));
    const handle = await open(file, "r");
    try {
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, byteOffset);
      if (bytesRead < bytes.length)
        throw new CheckpointError(
          file,
          `ends after ${byteOffset + bytesRead} bytes, but a tensor needs ${byteOffset + bytes.length}`,
        );
    } finally {
      await handle.close();
    }
    return this.tensorFromBytes(bytes, shape, dtype);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  protected poolMemory() {
    return { reserved: this.live, mapped: 0, budget: this.budget };
  }

  private assertOpen(): void {
    if (this.closed) throw new DeviceLost("the reference device was closed");
  }
}

function storageOf(tensor: Tensor): HostStorage {
  return tensor.storage as HostStorage;
}

function hostView(tensor: Tensor): HostTensor {
  return new HostTensor(tensor.shape, tensor.dtype, storageOf(tensor).buffer, tensor.byteOffset, tensor.rowStride);
}
