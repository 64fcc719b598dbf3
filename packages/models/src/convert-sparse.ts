import { cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  ArgumentError,
  bytesOf,
  type Checkpoint,
  CheckpointError,
  type DType,
  type HostPart,
  type KeptAs,
  openCheckpoint,
  type ProgressListener,
  readSparseWeight,
  readTensorBytes,
  type Shape,
  sparse24,
  type SparseFormat,
  sparseMask,
  sparseMetadata,
  sparseMetadataKey,
  sparseTensors,
  sparseWeightsOf,
  type TensorSource,
  unpackSparse,
  writeCheckpoint,
} from "@whittle/core";
import { architectures } from "./architectures/architecture.js";
import { readModelConfig } from "./model-config.js";
import { packWorthwhile, siteOf, type SparseSite, type SparsityReport } from "./sparsify-linears.js";

const formats: Readonly<Record<SparseFileFormat, SparseFormat | undefined>> = {
  sparse24,
  sparseMask,
  dense: undefined,
};

/** How a folder's linear layers are to be stored: without zeros, or whole, as other programs read them. */
export type SparseFileFormat = "sparse24" | "sparseMask" | "dense";
export const sparseFileFormats: readonly SparseFileFormat[] = ["sparse24", "sparseMask", "dense"];

export interface ConvertSparseOptions {
  readonly format: SparseFileFormat;
  /** Whether kept elements become 8-bit codes. Default: `"stored"`, they stay as they are. */
  readonly keptAs?: KeptAs;
  /** Bytes that a weight file may have. Default: 5 GB. */
  readonly maxShardBytes?: number;
  /** Called as weights are packed, which is done twice: to know what fits, and to write. Default: nobody is told. */
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/**
 * Writes a model folder anew, with the zeros of its linear layers left out (docs/sparse-container.md), or put back. Nothing is pruned: matrices that do not hold the zeros, or would
 * not become smaller, stay as they are. Weights pass through memory one at a time; all other files are copied.
 *
 * @param out a folder that does not exist, or is empty.
 * @returns what was stored how; for `dense`, the matrices that were put back whole.
 * @throws CheckpointError, ConfigError; ArgumentError if `out` holds something, or the model's files do not have its matrices as `[out, in]` (GPT-2).
 */
export async function convertSparse(
  folder: string,
  out: string,
  { format: formatName, keptAs = "stored", maxShardBytes = 5e9, onProgress, signal }: ConvertSparseOptions,
): Promise<SparsityReport> {
  if (!sparseFileFormats.includes(formatName))
    throw new ArgumentError(`convertSparse: format must be ${sparseFileFormats.join(" or ")}, but is ${formatName}`);
  const format = formats[formatName];
  const { architecture } = await readModelConfig(join(folder, "config.json"));
  const { isLinear } = architectures[architecture];
  if (!isLinear)
    throw new ArgumentError(
      `convertSparse: ${folder} is a ${architecture} model, whose files hold matrices as [in, out]`,
    );
  const checkpoint = await openCheckpoint(folder);
  await requireEmpty(out);
  const { matrices, others } = contentOf(checkpoint, isLinear);
  const report = { format: formatName, sites: [] as SparseSite[], kept: [] as { site: string; reason: string }[] };
  const packed = new Map<string, { format: SparseFormat; shape: Shape }>();
  const [whole, parts] = [others, [] as TensorSource[]];
  const total = matrices.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const stored of matrices) {
    signal?.throwIfAborted();
    const { name, bytes, wasSparse } = stored;
    const matrix = await stored.read();
    const pack = (given: HostPart) => (format ? packWorthwhile(format, given, keptAs) : "");
    const result = pack(matrix);
    if (format && typeof result !== "string") {
      packed.set(name, { format, shape: matrix.shape });
      report.sites.push(siteOf(name, matrix, bytesIn(result)));
      parts.push(...later(sparseTensors(name, format, result), async () => pack(await stored.read()) as Parts));
    } else {
      if (format) report.kept.push({ site: name, reason: result as string });
      else if (wasSparse) report.sites.push({ ...siteOf(name, matrix, matrix.bytes.length), bytesBefore: bytes });
      whole.push({ name, dtype: matrix.dtype, shape: matrix.shape, bytes: async () => (await stored.read()).bytes });
    }
    onProgress?.({ stage: "packing weights", done: (done += bytes), total, unit: "bytes" });
  }
  // Large elements first, and those of any number of bytes last: so that tensors lie as their elements ask, and can be mapped.
  whole.sort((a, b) => bytesOf(b.dtype) - bytesOf(a.dtype));
  const { [sparseMetadataKey]: _, ...metadata } = checkpoint.metadata;
  await mkdir(out, { recursive: true });
  await copyOthers(folder, out);
  await writeCheckpoint(out, [...whole, ...parts], {
    maxShardBytes,
    metadata: { format: "pt", ...metadata, ...(packed.size > 0 && sparseMetadata(packed)) },
  });
  return report;
}

type Parts = Readonly<Record<string, HostPart>>;

/** A linear layer's weight in a checkpoint, however it is stored. */
interface Matrix {
  readonly name: string;
  /** As stored. */
  readonly bytes: number;
  readonly wasSparse: boolean;
  read(): Promise<HostPart>;
}

/** The linear layers' weights, and all that is copied as it is. */
function contentOf(checkpoint: Checkpoint, isLinear: (name: string) => boolean) {
  const sparse = sparseWeightsOf(checkpoint);
  const partNames = new Set(
    [...sparse.values()].flatMap(({ name, parts }) => Object.keys(parts).map((part) => `${name}.${part}`)),
  );
  const matrices: Matrix[] = [];
  const others: TensorSource[] = [];
  for (const [name, stored] of checkpoint.tensors) {
    if (partNames.has(name)) continue;
    const { dtype, storedAs, shape, bytes } = stored;
    if (dtype === undefined) throw new CheckpointError(stored.file, `${name} is ${storedAs}, which cannot be written`);
    const read = () => readTensorBytes(stored);
    if (isLinear(name) && shape.length === 2 && isFloat(dtype))
      matrices.push({ name, bytes, wasSparse: false, read: async () => ({ dtype, shape, bytes: await read() }) });
    else others.push({ name, dtype, shape, bytes: read });
  }
  for (const stored of sparse.values()) {
    const { name, bytes, format, shape } = stored;
    const read = async () => unpackSparse(format, await readSparseWeight(stored), shape);
    matrices.push({ name, bytes, wasSparse: true, read });
  }
  return { matrices, others };
}

function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16" || dtype === "bf16";
}

/** Tensors of one weight that are made when the first is written, and forgotten after the last. */
function later(tensors: readonly TensorSource[], make: () => Promise<Parts>): TensorSource[] {
  let made: Promise<Parts> | undefined;
  return tensors.map(({ name, dtype, shape }, i) => ({
    name,
    dtype,
    shape,
    async bytes() {
      const parts = await (made ??= make());
      if (i === tensors.length - 1) made = undefined;
      return parts[name.slice(name.lastIndexOf(".") + 1)]!.bytes;
    },
  }));
}

function bytesIn(parts: Parts): number {
  return Object.values(parts).reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function requireEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length > 0) throw new ArgumentError(`convertSparse: ${out} is not empty (it has ${names[0]})`);
}

/** Everything but weights. */
async function copyOthers(folder: string, out: string): Promise<void> {
  for (const { name } of (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile())) {
    if (!/\.(safetensors|safetensors\.index\.json|bin|gguf)$/.test(name)) await cp(join(folder, name), join(out, name));
  }
}
