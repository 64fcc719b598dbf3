import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesOf, type DType } from "../dtypes.js";
import { ArgumentError } from "../errors.js";
import { type Content, replaceFile, writeContent } from "../replace-file.js";
import { elementsOf, type Shape } from "../shape.js";
import { storedName } from "./header.js";

/** A tensor to be written; `bytes` is asked for when its turn comes, so that a checkpoint never stands in memory whole. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Little-endian, row-major, dense; may come in pieces. */
  bytes(): Content | Promise<Content>;
}

export interface WriteOptions {
  /** String pairs for the header. Default: `{ format: "pt" }`, which transformers asks for. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes one safetensors file. The file appears whole or not at all.
 * @throws ArgumentError for a doubled name, or bytes that do not fit shape and dtype.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorSource[],
  options: WriteOptions = {},
): Promise<void> {
  await replaceFile(file, async (handle) => {
    await handle.writeFile(encodeHeader(tensors, options.metadata ?? { format: "pt" }));
    for (const tensor of tensors)
      await writeContent(handle, await tensor.bytes(), { name: tensor.name, expected: byteLength(tensor) });
  });
}

/** Writes a folder's weights as `model.safetensors`, or as shards of at most `maxShardBytes` (default 5 GB) with their index. */
export async function writeCheckpoint(
  folder: string,
  tensors: readonly TensorSource[],
  options: WriteOptions & { maxShardBytes?: number } = {},
): Promise<void> {
  const shards = splitIntoShards(tensors, options.maxShardBytes ?? 5e9);
  if (shards.length <= 1) return writeSafetensors(join(folder, "model.safetensors"), tensors, options);
  const weightMap = new Map<string, string>();
  for (const [i, shard] of shards.entries()) {
    const number = (n: number) => String(n).padStart(5, "0");
    const name = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    await writeSafetensors(join(folder, name), shard, options);
    for (const tensor of shard) weightMap.set(tensor.name, name);
  }
  const total = tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0);
  await writeFile(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify({ metadata: { total_size: total }, weight_map: Object.fromEntries(weightMap) }, null, 2),
  );
}

function splitIntoShards(tensors: readonly TensorSource[], maxBytes: number): TensorSource[][] {
  const shards: TensorSource[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    if (shards.length === 0 || byteLength(tensor) > room) {
      shards.push([]);
      room = maxBytes;
    }
    shards[shards.length - 1]!.push(tensor);
    room -= byteLength(tensor);
  }
  return shards;
}

function encodeHeader(tensors: readonly TensorSource[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header = new Map<string, unknown>([["__metadata__", metadata]]);
  let offset = 0;
  for (const tensor of tensors) {
    if (header.has(tensor.name)) throw new ArgumentError(`two tensors are named ${JSON.stringify(tensor.name)}`);
    const end = offset + byteLength(tensor);
    header.set(tensor.name, { dtype: storedName(tensor.dtype), shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Spaces up to a multiple of 64, so that the data can be used where it is mapped.
  const padded = Math.ceil((8 + json.byteLength) / 64) * 64;
  const bytes = new Uint8Array(padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded - 8), true);
  bytes.set(json, 8);
  return bytes;
}

function byteLength(tensor: TensorSource): number {
  return elementsOf(tensor.shape) * bytesOf(tensor.dtype);
}
