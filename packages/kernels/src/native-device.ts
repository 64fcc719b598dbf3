import {
  type AnyOp,
  ArgumentError,
  bytesOf,
  Device,
  DeviceError,
  DeviceLost,
  type DType,
  type Program,
  type Shape,
  type Storage,
  type Tensor,
  UnsupportedOp,
} from "@whittle/core";
import { type Addon, type DeviceHandle, type FinishedReads } from "./addon.js";
import { CommandBuffer, maxTensors } from "./command-buffer.js";
import { MemoryPool, type MemorySource } from "./memory-pool.js";
import { NativeProgram, type ProgramHost } from "./native-program.js";
import { ProgramArena } from "./program-arena.js";
import { addressOf, type NativeStorage, storageOf } from "./native-storage.js";

/** Larger writes do not pass through the command buffer. */
const largestInlineWrite = 2 ** 16;

interface KernelCall {
  readonly kernel: number;
  /** Bit i: input i is written to. */
  readonly mutated: number;
}

/** A program under way. */
interface Recording {
  readonly arena: ProgramArena;
  /** Inputs and outputs of its ops. */
  readonly calls: (Tensor | undefined)[][];
}

interface PendingRead {
  /** Held as long as somebody waits: a device that is collected would never answer. */
  readonly device: NativeDevice;
  readonly destination: ArrayBuffer;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** How a native device is opened and fed. */
export interface NativeSettings {
  readonly name: string;
  /** Words of the command buffer. */
  readonly commandWords: number;
  /** Ops from flush to flush: after a read, and from then on. */
  readonly flushes: readonly [first: number, later: number];
  readonly memoryBytes: number;
  /** See `MemoryPool`. */
  readonly reuse: "latest" | "lowest";
  open(words: Float64Array, onReads: (reads: FinishedReads) => void): DeviceHandle;
}

/** A device of the addon: ops are written into a command buffer and worked off by a thread of the device's own. */
export abstract class NativeDevice extends Device {
  readonly name: string;
  protected readonly handle: DeviceHandle;
  private readonly commands: CommandBuffer;
  protected readonly pool: MemoryPool;
  private readonly kernels: ReadonlyMap<string, number>;
  private readonly keepsPrograms: boolean;
  private readonly programHost: ProgramHost = {
    make: ({ shape, dtype }) => this.make(shape, dtype, "program"),
    replay: (id, addresses) => this.command().replay(id, addresses),
    forget: (id, bytes) => {
      this.count(-bytes);
      if (!this.closing) this.command().forget(id);
    },
  };
  private readonly calls = new Map<AnyOp, KernelCall>();
  private readonly pending = new Map<number, PendingRead>();
  private tickets = 0;
  private programs = 0;
  private recording: Recording | undefined;
  private flushScheduled = false;
  private opsPerFlush: number;
  protected closing: Promise<void> | undefined;

  constructor(
    protected readonly addon: Addon,
    private readonly settings: NativeSettings,
  ) {
    super();
    this.name = settings.name;
    this.commands = new CommandBuffer(settings.commandWords);
    this.opsPerFlush = settings.flushes[0];
    this.handle = settings.open(this.commands.words, settler(this.name, this.pending));
    this.keepsPrograms = addon.keepsPrograms(this.handle);
    this.kernels = new Map(addon.kernels(this.handle).map((op, index) => [op, index]));
    this.pool = new MemoryPool(this.memorySource(), settings.memoryBytes, settings.reuse);
  }

  supports(op: AnyOp): boolean {
    return this.kernels.has(op.name);
  }

  read(tensor: Tensor): Promise<Uint8Array> {
    this.assertOpen();
    return this.recordRead(tensor);
  }

  async sync(): Promise<void> {
    this.assertOpen();
    await this.recordRead(undefined);
  }

  heal(tensors: readonly Tensor[]): void {
    this.assertNotRecording("heal");
    for (const tensor of tensors) this.command().heal(tensor);
  }

  override empty(shape: Shape, dtype: DType, what = "empty"): Tensor {
    const tensor = super.empty(shape, dtype, what);
    // Whoever had this memory before may have left it poisoned.
    this.heal([tensor]);
    return tensor;
  }

  override zeros(shape: Shape, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, dtype, "zeros");
    const { address, block, bytes } = storageOf(tensor);
    if (!block!.fresh) this.command().zero(address, bytes);
    return tensor;
  }

  override program(inputs: readonly Tensor[], fn: () => readonly Tensor[]): Program | undefined {
    if (!this.keepsPrograms) return undefined;
    this.assertNotRecording("another program");
    const id = this.programs++;
    const recording: Recording = { arena: new ProgramArena(this.pool), calls: [] };
    this.command().programBegin(id);
    this.recording = recording;
    try {
      const program = this.scope(() => {
        const outputs = fn();
        return new NativeProgram(this.programHost, id, recording.arena, { inputs, calls: recording.calls, outputs });
      });
      for (const { run, tensor, parameter, byteOffset } of program.places)
        this.command().programPlace(run, tensor, parameter, byteOffset);
      this.command().programEnd();
      this.count(program.bytes);
      return program;
    } catch (error) {
      recording.arena.release();
      this.command().programEnd();
      this.command().forget(id);
      throw error;
    } finally {
      this.recording = undefined;
    }
  }

  /** See `replayCounts` in `replay-counts.ts`. */
  replayCounts(): { eager: number; captured: number; replayed: number } {
    this.assertOpen();
    const [eager, captured, replayed] = this.addon.replayCounts(this.handle);
    return { eager, captured, replayed };
  }

  /** See `kernelTimes` in `kernel-times.ts`. */
  kernelTimes(): { nanoseconds: number; calls: number } {
    this.assertOpen();
    const [nanoseconds, calls] = this.addon.kernelTimes(this.handle);
    return { nanoseconds, calls };
  }

  close(): Promise<void> {
    const end = () => this.addon.close(this.handle);
    // A device that is lost is closed all the same.
    this.closing ??= this.recordRead(undefined).then(end, end);
    return this.closing;
  }

  /** See `failCall` in `fail-call.ts`. */
  failCall(op: string, skip: number): void {
    this.assertNotRecording("failCall");
    const kernel = this.kernels.get(op);
    if (kernel === undefined) throw new UnsupportedOp(op, this.name);
    this.command().fail(kernel, skip);
  }

  protected allocate(bytes: number, what: string): NativeStorage {
    this.assertOpen();
    const arena = this.recording?.arena;
    const block = (arena ?? this.pool).take(bytes, what);
    return { bytes, references: 0, address: block.address, block, arena, file: undefined };
  }

  protected free(storage: Storage): void {
    if (this.closing) return;
    this.giveBack(storage as NativeStorage);
  }

  protected enqueue(
    op: AnyOp,
    inputs: readonly (Tensor | undefined)[],
    attributes: readonly number[],
    outputs: readonly Tensor[],
  ): void {
    const call = this.calls.get(op) ?? this.resolve(op);
    if (call.mutated !== 0) refuseMapped(op, call, inputs);
    if (!this.commands.hasRoom) this.flush();
    this.commands.run(call.kernel, call.mutated, inputs, attributes, outputs);
    this.recording?.calls.push([...inputs, ...outputs]);
    if (this.commands.ops >= this.opsPerFlush) {
      this.flush();
      this.opsPerFlush = this.settings.flushes[1];
    } else if (!this.flushScheduled) this.scheduleFlush();
  }

  protected enqueueWrite(tensor: Tensor, bytes: Uint8Array): void {
    this.assertNotRecording("a write");
    if (bytes.byteLength > largestInlineWrite) {
      this.addon.write(this.handle, this.commands.length, addressOf(tensor), bytes);
      this.commands.clear();
    } else {
      if (!this.commands.hasRoomFor(bytes.byteLength)) this.flush();
      this.command().write(addressOf(tensor), bytes);
    }
  }

  /** Bytes of a file from `offset` on, as many as the tensor has, in queue order. */
  protected recordLoad(tensor: Tensor, file: string, offset: number): void {
    const path = new TextEncoder().encode(file);
    if (!this.commands.hasRoomFor(path.byteLength)) this.flush();
    this.command().load(addressOf(tensor), tensor.elements * bytesOf(tensor.dtype), offset, path);
  }

  protected giveBack({ block, arena }: NativeStorage): void {
    if (block) (arena ?? this.pool).give(block);
  }

  protected memorySource(): MemorySource {
    return {
      allocate: (bytes) => this.addon.allocate(this.handle, bytes),
      release: (address, bytes) => {
        this.command().release(address, bytes);
        this.addon.released(this.handle, bytes);
      },
    };
  }

  protected poolMemory() {
    return { reserved: this.closing ? 0 : this.pool.reserved, mapped: 0, budget: this.pool.budget };
  }

  private resolve(op: AnyOp): KernelCall {
    const kernel = this.kernels.get(op.name);
    if (kernel === undefined) throw new UnsupportedOp(op.name, this.name);
    const keys = Object.entries(op.args).filter(([, spec]) => spec.kind === "tensor");
    if (keys.length >= maxTensors)
      throw new ArgumentError(
        `${op.name}: has ${keys.length} tensor arguments; with the outputs at most ${maxTensors} are possible`,
      );
    const mutated = keys.reduce((mask, [key], i) => (op.mutates?.includes(key) ? mask | (1 << i) : mask), 0);
    const call = { kernel, mutated };
    this.calls.set(op, call);
    return call;
  }

  private recordRead(tensor: Tensor | undefined): Promise<Uint8Array> {
    this.assertNotRecording("a read");
    if (!this.commands.hasRoom) this.flush();
    const ticket = this.tickets++;
    const destination = new ArrayBuffer(tensor ? tensor.elements * bytesOf(tensor.dtype) : 0);
    this.commands.read(ticket, tensor);
    this.addon.read(this.handle, this.commands.length, destination);
    this.commands.clear();
    this.opsPerFlush = this.settings.flushes[0];
    return new Promise((resolve, reject) => this.pending.set(ticket, { device: this, destination, resolve, reject }));
  }

  /** The buffer, with room for any command but a write. */
  protected command(): CommandBuffer {
    if (!this.commands.hasRoom) this.flush();
    if (!this.flushScheduled) this.scheduleFlush();
    return this.commands;
  }

  private scheduleFlush(): void {
    this.flushScheduled = true;
    queueMicrotask(() => {
      this.flushScheduled = false;
      if (!this.closing) this.flush();
    });
  }

  protected flush(): void {
    if (this.commands.length === 0) return;
    this.addon.flush(this.handle, this.commands.length);
    this.commands.clear();
  }

  private assertNotRecording(what: string): void {
    this.assertOpen();
    if (this.recording) throw new ArgumentError(`program: ${what} cannot be part of a program`);
  }

  protected assertOpen(): void {
    if (this.closing) throw new DeviceLost(`the ${this.name} device was closed`);
  }
}

/**
 * Ends reads. A function of its own, because what it closes over lives as long as the native device: it must not hold the JavaScript one, which
 * the garbage collector closes once nobody uses it.
 */
function settler(name: string, pending: Map<number, PendingRead>): (reads: FinishedReads) => void {
  return (reads) => {
    for (let i = 0; i < reads.length; i += 3) {
      const ticket = reads[i] as number;
      const [op, reason] = [reads[i + 1] as string | null, reads[i + 2] as string | null];
      const { destination, resolve, reject } = pending.get(ticket)!;
      pending.delete(ticket);
      if (op === null) resolve(new Uint8Array(destination));
      else if (op === "") reject(new DeviceLost(`the ${name} device stopped: ${reason}`));
      else reject(new DeviceError(op, reason!));
    }
  };
}

/** A mapped file is read-only; a kernel that wrote to it would end the process. */
function refuseMapped(op: AnyOp, call: KernelCall, inputs: readonly (Tensor | undefined)[]): void {
  for (const [i, tensor] of inputs.entries()) {
    if (tensor && (call.mutated >> i) & 1 && storageOf(tensor).file) {
      throw new ArgumentError(
        `${op.name}: ${Object.keys(op.args)[i]} is mapped from a file and cannot be written to; copy it first`,
      );
    }
  }
}
