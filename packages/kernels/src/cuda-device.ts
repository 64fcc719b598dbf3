import {
  ArgumentError,
  bytesOf,
  CheckpointError,
  checkBlocks,
  type DType,
  elementsOf,
  type Shape,
  type Tensor,
} from "@whittle/core";
import { type Addon } from "./addon.js";
import { type MemorySource } from "./memory-pool.js";
import { NativeDevice } from "./native-device.js";
import { fileSize } from "./read-slice.js";

/** An NVIDIA GPU: ops go into one stream, a stretch that comes again as one graph; files are loaded into its memory. */
export class CudaDevice extends NativeDevice {
  override readonly activationDTypes = ["f32", "bf16", "f16"] as const;
  override readonly preferredActivations = "stored";

  constructor(
    addon: Addon,
    { library, device, memoryBytes }: { library: string; device: number; memoryBytes: number },
  ) {
    super(addon, {
      name: device === 0 ? "cuda" : `cuda:${device}`,
      // A step of a large model is one stretch: 100 layers of 10 ops of 50 words.
      commandWords: 2 ** 17,
      flushes: [2 ** 11, 2 ** 11],
      memoryBytes,
      // A step that is recorded again must find its tensors where they were: graphs hold addresses.
      reuse: "lowest",
      open: (words, onReads) => addon.openCuda(library, device, words, onReads),
    });
  }

  async map(file: string, byteOffset: number, dtype: DType, shape: Shape): Promise<Tensor> {
    this.assertOpen();
    checkBlocks(dtype, shape, "map");
    const bytes = elementsOf(shape) * bytesOf(dtype);
    if (!(Number.isSafeInteger(byteOffset) && byteOffset >= 0))
      throw new ArgumentError(`map: byteOffset must be a whole number >= 0, but is ${byteOffset}`);
    const size = await fileSize(file);
    if (size < byteOffset + bytes)
      throw new CheckpointError(file, `ends after ${size} bytes, but a tensor needs ${byteOffset + bytes}`);
    const tensor = this.empty(shape, dtype, "map");
    if (bytes > 0) this.recordLoad(tensor, file, byteOffset);
    return tensor;
  }

  protected override memorySource(): MemorySource {
    const source = super.memorySource();
    return {
      ...source,
      allocate: (bytes) => {
        // Memory on its way back must be on its way.
        this.flush();
        return source.allocate(bytes);
      },
    };
  }
}
