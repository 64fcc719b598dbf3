import {
  ArgumentError,
  bytesOf,
  describe,
  DisposedError,
  type Program,
  ShapeError,
  type Storage,
  type Tensor,
  type TensorType,
} from "@whittle/core";
import { mostParameters } from "./command-buffer.js";
import { addressOf, storageOf } from "./native-storage.js";
import { type ProgramArena } from "./program-arena.js";

/** The part of a device that its programs use. */
export interface ProgramHost {
  make(type: TensorType): Tensor;
  replay(id: number, addresses: readonly number[]): void;
  /** It was disposed: what it held was given back. */
  forget(id: number, bytes: number): void;
}

/** Where a tensor of a program's ops lies, each time, behind a parameter. */
export interface ProgramPlace {
  readonly run: number;
  readonly tensor: number;
  readonly parameter: number;
  readonly byteOffset: number;
}

/** An input as it must be each time. */
interface ExpectedInput extends TensorType {
  readonly rowStride: number;
  /** The first input in the same memory, and how far behind it this one lies. */
  readonly first: number;
  readonly byteOffset: number;
}

/** What was recorded: for each op its inputs, then its outputs. */
export type RecordedCalls = readonly (readonly (Tensor | undefined)[])[];

/** A program of a native device. Its parameters are the inputs' pieces of memory, then the outputs. */
export class NativeProgram implements Program {
  readonly bytes: number;
  readonly places: readonly ProgramPlace[];
  private readonly inputs: readonly ExpectedInput[];
  private readonly outputs: readonly TensorType[];
  /** What its ops use besides: weights, a cache's pools. */
  private readonly kept: readonly Storage[];
  private readonly addresses: number[];
  private disposed = false;

  /** @throws ArgumentError if an output is not a whole tensor made by one of the calls. */
  constructor(
    private readonly host: ProgramHost,
    private readonly id: number,
    private readonly arena: ProgramArena,
    { inputs, calls, outputs }: { inputs: readonly Tensor[]; calls: RecordedCalls; outputs: readonly Tensor[] },
  ) {
    this.inputs = inputs.map((tensor) => expectedInput(tensor, inputs));
    this.outputs = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
    const parameters = new Map<Storage, { index: number; byteOffset: number }>();
    for (const { storage, byteOffset } of inputs)
      if (!parameters.has(storage)) parameters.set(storage, { index: parameters.size, byteOffset });
    for (const tensor of outputs) {
      const { storage, byteOffset } = tensor;
      const whole = byteOffset === 0 && tensor.dense && storage.bytes === tensor.elements * bytesOf(tensor.dtype);
      if (!whole || parameters.has(storage) || storageOf(tensor).arena !== arena)
        throw new ArgumentError(`program: an output must be a tensor of its own, but ${describe(tensor)} is not`);
      parameters.set(storage, { index: parameters.size, byteOffset });
    }
    if (parameters.size > mostParameters)
      throw new ArgumentError(
        `program: at most ${mostParameters} inputs and outputs are possible, but there are ${parameters.size}`,
      );
    this.addresses = new Array<number>(parameters.size).fill(0);
    const kept = new Set<Storage>();
    this.places = calls.flatMap((tensors, run) =>
      tensors.flatMap((tensor, at): ProgramPlace[] => {
        if (!tensor) return [];
        const parameter = parameters.get(tensor.storage);
        if (!parameter) {
          if (storageOf(tensor).arena !== arena) kept.add(tensor.storage);
          return [];
        }
        return [{ run, tensor: at, parameter: parameter.index, byteOffset: tensor.byteOffset - parameter.byteOffset }];
      }),
    );
    this.kept = [...kept];
    // Made anew each time. The block that an output had stays in the arena: an intermediate may have had it before.
    for (const tensor of outputs) tensor.dispose();
    this.bytes = arena.bytes;
  }

  fits(inputs: readonly Tensor[]): boolean {
    if (inputs.length !== this.inputs.length) return false;
    for (let i = 0; i < inputs.length; i++) {
      const [tensor, expected] = [inputs[i]!, this.inputs[i]!];
      if (tensor.dtype !== expected.dtype || tensor.rowStride !== expected.rowStride) return false;
      const { shape } = tensor;
      if (shape.length !== expected.shape.length) return false;
      for (let d = 0; d < shape.length; d++) if (shape[d] !== expected.shape[d]) return false;
      const first = inputs[expected.first]!;
      if (tensor.storage !== first.storage || tensor.byteOffset - first.byteOffset !== expected.byteOffset)
        return false;
    }
    return true;
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    if (this.disposed) throw new DisposedError("program.run: the program was disposed");
    if (!this.fits(inputs))
      throw new ShapeError(
        `program.run: the inputs must be ${this.inputs.map(describe).join(", ")}, as they were, but are ${inputs.map(describe).join(", ")}`,
      );
    for (const tensor of inputs) tensor.assertAlive("program.run");
    for (const { references } of this.kept)
      if (references === 0) throw new DisposedError("program.run: a tensor that its ops use was disposed");
    const outputs: Tensor[] = [];
    let parameter = 0;
    for (let i = 0; i < inputs.length; i++)
      if (this.inputs[i]!.first === i) this.addresses[parameter++] = addressOf(inputs[i]!);
    try {
      for (const type of this.outputs) {
        const tensor = this.host.make(type);
        outputs.push(tensor);
        this.addresses[parameter++] = addressOf(tensor);
      }
      this.host.replay(this.id, this.addresses);
    } catch (error) {
      for (const tensor of outputs) tensor.dispose();
      throw error;
    }
    return outputs;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.arena.release();
    this.host.forget(this.id, this.bytes);
  }
}

function expectedInput(tensor: Tensor, inputs: readonly Tensor[]): ExpectedInput {
  const first = inputs.findIndex(({ storage }) => storage === tensor.storage);
  const { shape, dtype, rowStride } = tensor;
  return { shape, dtype, rowStride, first, byteOffset: tensor.byteOffset - inputs[first]!.byteOffset };
}
