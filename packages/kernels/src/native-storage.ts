import { type Storage, type Tensor } from "@whittle/core";
import { type MappedFile } from "./mapped-files.js";
import { type Block } from "./memory-pool.js";
import { type ProgramArena } from "./program-arena.js";

/** Where a tensor's bytes are: in a block of the pool or in a mapped file. */
export interface NativeStorage extends Storage {
  readonly address: number;
  readonly block: Block | undefined;
  /** The program whose block it is; undefined: the pool's. */
  readonly arena: ProgramArena | undefined;
  readonly file: MappedFile | undefined;
}

export function storageOf(tensor: Tensor): NativeStorage {
  return tensor.storage as NativeStorage;
}

/** Address of a tensor's first element. */
export function addressOf(tensor: Tensor): number {
  return (tensor.storage as NativeStorage).address + tensor.byteOffset;
}
