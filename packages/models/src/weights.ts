import {
  type Checkpoint,
  CheckpointError,
  type Device,
  disposeWeight,
  type DType,
  formatShape,
  isBlockDType,
  mapSparseWeight,
  type ProgressListener,
  readTensorBytes,
  type Shape,
  type StoredSparseWeight,
  type StoredTensor,
  type Tensor,
  type Weight,
} from "@whittle/core";
import { convertInSlices } from "./convert-in-slices.js";
import { requireFormat } from "./sparsify-linears.js";

/** A stored tensor that can be a weight. */
export interface StoredWeight extends StoredTensor {
  /** What the weight becomes. */
  readonly dtype: DType;
  /** Turns the stored bytes into elements of `dtype`, for types that no device computes with. Default: they are such elements, and mapped. */
  readonly convert?: Conversion;
}

/** How elements of one type become elements of another. */
export interface Conversion {
  /** Of whole blocks, each for itself. */
  (stored: Uint8Array): Uint8Array;
  /** Bytes of a stored block. */
  readonly blockBytes: number;
  /** Whether every element stays what it was. */
  readonly exact: boolean;
}

export interface WeightNames {
  /** Names and shapes that must be there. */
  readonly parameters: ReadonlyMap<string, Shape>;
  /** What says so, for errors. */
  readonly described: string;
  /** Names that a parameter may be stored by, the usual one first. */
  readonly namesOf: (parameter: string) => readonly string[];
  /** Stored tensors that nobody needs to be told of. */
  readonly isNeedless: (name: string) => boolean;
}

/** Where every parameter lies, and the names of stored tensors that no parameter uses and that are not known to be needless. */
export interface LocatedWeights {
  readonly stored: ReadonlyMap<string, StoredWeight>;
  readonly unexpected: readonly string[];
}

/**
 * Finds every parameter in a checkpoint and checks its shape and dtype.
 * @throws CheckpointError naming all that is missing or does not fit.
 */
export function locateWeights(
  { path, tensors }: Pick<Checkpoint, "path"> & { readonly tensors: ReadonlyMap<string, StoredTensor> },
  { parameters, described, namesOf, isNeedless }: WeightNames,
): LocatedWeights {
  const stored = new Map<string, StoredWeight>();
  const used = new Set<string>();
  const problems = {
    missing: [] as string[],
    "of another shape": [] as string[],
    "of a dtype that cannot be used": [] as string[],
  };
  for (const [name, shape] of parameters) {
    const names = namesOf(name);
    const found = names.find((candidate) => tensors.has(candidate));
    if (found === undefined) {
      problems.missing.push(names[0]!);
      continue;
    }
    const tensor = tensors.get(found)!;
    used.add(found);
    if (formatShape(tensor.shape) !== formatShape(shape))
      problems["of another shape"].push(`${found} ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`);
    else if (!isWeight(tensor)) problems["of a dtype that cannot be used"].push(`${found} ${tensor.storedAs}`);
    else stored.set(name, tensor);
  }
  const found = Object.entries(problems).filter(([, list]) => list.length > 0);
  if (found.length > 0) {
    const listed = found.map(
      ([what, list]) => `${list.length} ${list.length === 1 ? "is" : "are"} ${what}: ${firstOf(list)}`,
    );
    throw new CheckpointError(
      path,
      `the weights do not fit ${described}; of ${parameters.size} tensors ${listed.join("; ")}`,
    );
  }
  return { stored, unexpected: [...tensors.keys()].filter((name) => !used.has(name) && !isNeedless(name)) };
}

/** Matrices may be in blocks, the small rest is not. */
function isWeight(tensor: StoredTensor): tensor is StoredWeight {
  const { dtype, shape } = tensor;
  return (
    dtype === "f32" ||
    dtype === "f16" ||
    dtype === "bf16" ||
    (dtype !== undefined && isBlockDType(dtype) && shape.length === 2)
  );
}

/** A list for people: all of a short one, the beginning of a long one. */
export function firstOf(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
}

/** Maps located weights into memory, or converts them, one after another. What was mapped is given back if one fails or `signal` is aborted. */
export async function mapWeights(
  { stored }: LocatedWeights,
  device: Device,
  { onProgress, signal }: { onProgress?: ProgressListener | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Map<string, Tensor>> {
  const total = [...stored.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const weights = new Map<string, Tensor>();
  let done = 0;
  try {
    for (const [name, tensor] of stored) {
      signal?.throwIfAborted();
      weights.set(name, await loadWeight(tensor, device));
      onProgress?.({ stage: "loading weights", done: (done += tensor.bytes), total, unit: "bytes" });
    }
    return weights;
  } catch (error) {
    for (const tensor of weights.values()) tensor.dispose();
    throw error;
  }
}

/** The same for weights that are stored sparse. @throws UnsupportedOp if the device cannot compute with them. */
export async function mapSparseWeights(
  stored: ReadonlyMap<string, StoredSparseWeight>,
  device: Device,
  signal?: AbortSignal,
): Promise<Map<string, Weight>> {
  const weights = new Map<string, Weight>();
  try {
    for (const [name, weight] of stored) {
      signal?.throwIfAborted();
      requireFormat(device, weight.format);
      weights.set(name, await mapSparseWeight(weight, device));
    }
    return weights;
  } catch (error) {
    for (const weight of weights.values()) disposeWeight(weight);
    throw error;
  }
}

async function loadWeight(tensor: StoredWeight, device: Device): Promise<Tensor> {
  const { file, byteOffset, dtype, shape, convert } = tensor;
  if (!convert) return device.map(file, byteOffset, dtype, shape);
  const converted = await convertInSlices(convert, await readTensorBytes(tensor));
  return device.unscoped(() => device.tensorFromBytes(converted, shape, dtype));
}
