import { type Device } from "../device.js";
import { CheckpointError } from "../errors.js";
import { isCounts, isObject } from "../safetensors/header.js";
import { type StoredTensor } from "../safetensors/header.js";
import { type Checkpoint, readTensorBytes } from "../safetensors/read.js";
import { type TensorSource } from "../safetensors/write.js";
import { formatShape, type Shape } from "../shape.js";
import { type Tensor } from "../tensor.js";
import { sparse24 } from "./sparse-24.js";
import { type HostPart, type PartOf, type SparseFormat } from "./sparse-format.js";
import { sparseMask } from "./sparse-mask.js";
import { disposeWeight, type Weight } from "./weight.js";

/** The formats that files may name. */
export const sparseFormats: readonly SparseFormat[] = [sparse24, sparseMask];

/** The metadata entry of safetensors files that says which tensors are parts of a sparse weight; docs/sparse-container.md has it byte by byte. */
export const sparseMetadataKey = "whittle.sparse";
const version = 1;

/** A sparse weight in a checkpoint: nothing but its header has been read. */
export interface StoredSparseWeight {
  readonly name: string;
  readonly format: SparseFormat;
  /** Of the matrix, `[out, in]`. */
  readonly shape: Shape;
  readonly parts: Readonly<Record<string, StoredTensor>>;
  /** Of all parts. */
  readonly bytes: number;
}

/** The tensors of a file that stand for one sparse weight, in the order that keeps each aligned if a file begins with those of the largest elements. */
export function sparseTensors(
  name: string,
  format: SparseFormat,
  parts: Readonly<Record<string, HostPart>>,
): TensorSource[] {
  return format.partNames.flatMap((part) => {
    const stored = parts[part];
    return stored
      ? [{ name: `${name}.${part}`, dtype: stored.dtype, shape: stored.shape, bytes: () => stored.bytes }]
      : [];
  });
}

/** The metadata of files whose `sparseTensors` these are; the same for each shard. */
export function sparseMetadata(
  weights: ReadonlyMap<string, { readonly format: SparseFormat; readonly shape: Shape }>,
): Readonly<Record<string, string>> {
  const entries = [...weights].map(([name, { format, shape }]) => [name, { format: format.name, shape }] as const);
  return { [sparseMetadataKey]: JSON.stringify({ version, weights: Object.fromEntries(entries) }) };
}

/**
 * The sparse weights of a checkpoint, by the names of the matrices they stand for; empty for an ordinary one.
 * @throws CheckpointError if the metadata is malformed, or parts are missing or of a dtype or shape that does not fit it.
 */
export function sparseWeightsOf(checkpoint: Checkpoint): ReadonlyMap<string, StoredSparseWeight> {
  const { path, metadata, tensors } = checkpoint;
  const found = new Map<string, StoredSparseWeight>();
  for (const [name, entry] of Object.entries(declared(path, metadata))) {
    const bad = (reason: string) => new CheckpointError(path, `sparse weight ${JSON.stringify(name)}: ${reason}`);
    const { format: formatName, shape } = (isObject(entry) ? entry : {}) as Record<string, unknown>;
    const format = sparseFormats.find((one) => one.name === formatName);
    if (!format)
      throw bad(
        `its format is ${JSON.stringify(formatName)}, expected ${sparseFormats.map((one) => one.name).join(" or ")}`,
      );
    if (!isCounts(shape) || shape.length !== 2 || shape[0]! * shape[1]! > Number.MAX_SAFE_INTEGER)
      throw bad(`its shape is ${JSON.stringify(shape)}, expected two sizes`);
    if (tensors.has(name)) throw bad("it is stored as a matrix as well");
    const parts: Record<string, StoredTensor> = {};
    for (const part of format.partNames) {
      const tensor = tensors.get(`${name}.${part}`);
      if (tensor) parts[part] = tensor;
    }
    const wrong = format.complaint(withoutBytes(parts), shape);
    if (wrong !== undefined) throw bad(wrong);
    const bytes = Object.values(parts).reduce((sum, part) => sum + part.bytes, 0);
    found.set(name, { name, format, shape, parts, bytes });
  }
  return found;
}

/** What the metadata lists. */
function declared(path: string, metadata: Readonly<Record<string, string>>): Record<string, unknown> {
  const text = metadata[sparseMetadataKey];
  if (text === undefined) return {};
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(path, `${sparseMetadataKey} in its metadata is not JSON (${(error as Error).message})`);
  }
  const { version: given, weights } = (isObject(root) ? root : {}) as Record<string, unknown>;
  if (given !== version)
    throw new CheckpointError(
      path,
      `${sparseMetadataKey} in its metadata is of version ${JSON.stringify(given)}, expected ${version}`,
    );
  if (!isObject(weights)) throw new CheckpointError(path, `${sparseMetadataKey} in its metadata has no weights object`);
  return weights as Record<string, unknown>;
}

/** Parts as far as the header tells; a dtype that no device has is one that no format wants. */
function withoutBytes(parts: Readonly<Record<string, StoredTensor>>): Record<string, PartOf> {
  return Object.fromEntries(
    Object.entries(parts).map(([name, { dtype, storedAs, shape }]) => [
      name,
      { dtype: dtype ?? (storedAs as never), shape },
    ]),
  );
}

/** All parts, read and checked. @throws CheckpointError for content that does not fit: indices out of order, bits that do not match the counts. */
export async function readSparseWeight(stored: StoredSparseWeight): Promise<Readonly<Record<string, HostPart>>> {
  return (await readParts(stored, stored.format.partNames)) as Record<string, HostPart>;
}

/**
 * A sparse weight on a device: values are mapped where it can, the layout is read and checked first. The tensors are the caller's to dispose (`disposeWeight`).
 * @throws CheckpointError as `readSparseWeight`.
 */
export async function mapSparseWeight(stored: StoredSparseWeight, device: Device): Promise<Weight> {
  await readParts(stored, stored.format.layoutNames);
  const { format, shape } = stored;
  const parts: Record<string, Tensor> = {};
  try {
    for (const [name, part] of Object.entries(stored.parts))
      parts[name] = await device.map(part.file, part.byteOffset, part.dtype!, part.shape);
  } catch (error) {
    disposeWeight({ format, shape, parts });
    throw error;
  }
  return { format, shape, parts };
}

async function readParts(
  { name, format, shape, parts }: StoredSparseWeight,
  wanted: readonly string[],
): Promise<Record<string, PartOf>> {
  const read: Record<string, PartOf> = withoutBytes(parts);
  for (const [key, part] of Object.entries(parts))
    if (wanted.includes(key)) read[key] = { dtype: part.dtype!, shape: part.shape, bytes: await readTensorBytes(part) };
  const wrong = format.complaint(read, shape);
  if (wrong !== undefined)
    throw new CheckpointError(
      Object.values(parts)[0]!.file,
      `sparse weight ${JSON.stringify(name)} ${formatShape(shape)}: ${wrong}`,
    );
  return read;
}
