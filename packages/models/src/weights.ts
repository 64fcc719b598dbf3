import {
  type Checkpoint,
  CheckpointError,
  type Device,
  formatShape,
  type ProgressListener,
  type Shape,
  type StoredTensor,
  type Tensor,
} from "@whittle/core";

export interface WeightNames {
  /** Names and shapes that must be there. */
  readonly parameters: ReadonlyMap<string, Shape>;
  /** What files may leave out at the beginning of a name. */
  readonly prefix: string;
  /** Stored tensors that nobody needs to be told of. */
  readonly isNeedless: (name: string) => boolean;
}

/** Where every parameter lies, and the names of stored tensors that no parameter uses and that are not known to be needless. */
export interface LocatedWeights {
  readonly stored: ReadonlyMap<string, StoredTensor>;
  readonly unexpected: readonly string[];
}

/**
 * Finds every parameter in a checkpoint and checks its shape and dtype.
 * @throws CheckpointError naming all that is missing or does not fit.
 */
export function locateWeights(checkpoint: Checkpoint, { parameters, prefix, isNeedless }: WeightNames): LocatedWeights {
  const { tensors } = checkpoint;
  const stored = new Map<string, StoredTensor>();
  const used = new Set<string>();
  const problems = {
    missing: [] as string[],
    "of another shape": [] as string[],
    "of a dtype that is not f32, f16 or bf16": [] as string[],
  };
  for (const [name, shape] of parameters) {
    const found = [name, name.startsWith(prefix) ? name.slice(prefix.length) : prefix + name].find((candidate) =>
      tensors.has(candidate),
    );
    if (found === undefined) {
      problems.missing.push(name);
      continue;
    }
    const tensor = tensors.get(found)!;
    used.add(found);
    stored.set(name, tensor);
    if (formatShape(tensor.shape) !== formatShape(shape))
      problems["of another shape"].push(`${found} ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`);
    else if (!["f32", "f16", "bf16"].includes(tensor.dtype!))
      problems["of a dtype that is not f32, f16 or bf16"].push(`${found} ${tensor.storedAs}`);
  }
  const found = Object.entries(problems).filter(([, list]) => list.length > 0);
  if (found.length > 0) {
    const listed = found.map(
      ([what, list]) => `${list.length} ${list.length === 1 ? "is" : "are"} ${what}: ${firstOf(list)}`,
    );
    throw new CheckpointError(
      checkpoint.path,
      `the weights do not fit config.json; of ${parameters.size} tensors ${listed.join("; ")}`,
    );
  }
  return { stored, unexpected: [...tensors.keys()].filter((name) => !used.has(name) && !isNeedless(name)) };
}

/** A list for people: all of a short one, the beginning of a long one. */
export function firstOf(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
}

/** Maps located weights into memory, one after another. What was mapped is given back if one fails or `signal` is aborted. */
export async function mapWeights(
  { stored }: LocatedWeights,
  device: Device,
  { onProgress, signal }: { onProgress?: ProgressListener | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Map<string, Tensor>> {
  const total = [...stored.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const weights = new Map<string, Tensor>();
  let done = 0;
  try {
    for (const [name, { file, byteOffset, dtype, shape, bytes }] of stored) {
      signal?.throwIfAborted();
      weights.set(name, await device.map(file, byteOffset, dtype!, shape));
      onProgress?.({ stage: "loading weights", done: (done += bytes), total, unit: "bytes" });
    }
    return weights;
  } catch (error) {
    for (const tensor of weights.values()) tensor.dispose();
    throw error;
  }
}
