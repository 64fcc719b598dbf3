import {
  alignmentOf,
  ArgumentError,
  bytesOf,
  checkBlocks,
  type DType,
  elementsOf,
  rowElementsOf,
  type Shape,
  type Storage,
  Tensor,
} from "@whittle/core";
import { type Addon } from "./addon.js";
import { MappedFiles } from "./mapped-files.js";
import { NativeDevice } from "./native-device.js";
import { type NativeStorage } from "./native-storage.js";
import { readSlice } from "./read-slice.js";

/** The native CPU device: kernels run on its thread and the process's workers; files are mapped into memory. */
export class CpuDevice extends NativeDevice {
  private readonly files: MappedFiles;

  constructor(addon: Addon, { isa, threads, memoryBytes }: { isa: number; threads: number; memoryBytes: number }) {
    super(addon, {
      name: "cpu",
      commandWords: 2 ** 15,
      // Few at first, so that the executor wakes up and starts while the rest of the step is recorded (2 to 4 % of a decode step of books-5m on two threads); then as
      // many as make the call cheap.
      flushes: [8, 64],
      memoryBytes,
      // What was used last is still in the cache.
      reuse: "latest",
      open: (words, onReads) => addon.open(isa, threads, words, onReads),
    });
    this.files = new MappedFiles({
      mapFile: (descriptor, bytes) => addon.mapFile(this.handle, descriptor, bytes),
      unmap: ({ address, bytes }) => this.command().release(address, bytes),
    });
  }

  async map(file: string, byteOffset: number, dtype: DType, shape: Shape): Promise<Tensor> {
    this.assertOpen();
    checkBlocks(dtype, shape, "map");
    const bytes = elementsOf(shape) * bytesOf(dtype);
    if (!(Number.isSafeInteger(byteOffset) && byteOffset >= 0))
      throw new ArgumentError(`map: byteOffset must be a whole number >= 0, but is ${byteOffset}`);
    if (bytes === 0 || byteOffset % alignmentOf(dtype) !== 0)
      return this.tensorFromBytes(await readSlice(file, byteOffset, bytes), shape, dtype);
    const mapped = await this.files.use(file, byteOffset + bytes);
    if (this.closing) {
      this.files.drop(mapped);
      this.assertOpen();
    }
    const storage: NativeStorage = {
      bytes,
      references: 0,
      address: mapped.address + byteOffset,
      block: undefined,
      arena: undefined,
      file: mapped,
    };
    return this.adopt(new Tensor(this, storage, dtype, shape, 0, rowElementsOf(shape)));
  }

  protected override giveBack(storage: NativeStorage): void {
    if (storage.file) this.files.drop(storage.file);
    else super.giveBack(storage);
  }

  protected override countsAsLive(storage: Storage): boolean {
    return (storage as NativeStorage).file === undefined;
  }

  protected override poolMemory() {
    return { ...super.poolMemory(), mapped: this.closing ? 0 : this.files.bytes };
  }
}
