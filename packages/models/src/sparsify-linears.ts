import {
  type Device,
  elementsOf,
  type HostPart,
  type KeptAs,
  packSparse,
  isBlockDType,
  isTensor,
  type Linear,
  type LinearWeight,
  disposeWeight,
  type ProgressListener,
  type Shape,
  shareOfZeros,
  type SparseFormat,
  sparseWeight,
  type Tensor,
  UnsupportedOp,
  type Weight,
  weightBytes,
} from "@whittle/core";

/** What became of the weight of one linear layer, or of one matrix of a checkpoint. */
export interface SparseSite {
  readonly site: string;
  readonly shape: Shape;
  /** The share of elements that are zero, in [0, 1]. */
  readonly zeros: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What storing a model's weights without their zeros has done. */
export interface SparsityReport {
  readonly format: string;
  readonly sites: readonly SparseSite[];
  /** Matrices that stay as they are, with the reason. */
  readonly kept: readonly { readonly site: string; readonly reason: string }[];
}

export interface SparsifyLinearsOptions {
  readonly device: Device;
  readonly format: SparseFormat;
  /** The loaded tensors by name: a weight that a layer no longer uses is disposed and its entry removed. */
  readonly weights: Map<string, Tensor>;
  /** Weights that are read by more than their layer: an embedding table that is the head as well. They stay. */
  readonly shared: ReadonlySet<LinearWeight>;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Replaces the weights of linear layers by sparse ones, one after another, where they hold the zeros that the format leaves out and take less memory so. Nothing is pruned: what a
 * layer computes stays the same.
 * @returns the report, and the new weights: the caller's to dispose.
 * @throws UnsupportedOp if the device cannot compute with them.
 */
export async function sparsifyLinears(
  linears: ReadonlyMap<string, Linear>,
  { device, format, weights, shared, onProgress, signal }: SparsifyLinearsOptions,
): Promise<{ report: SparsityReport; copies: readonly Weight[] }> {
  requireFormat(device, format);
  const sites: SparseSite[] = [];
  const kept: { site: string; reason: string }[] = [];
  const copies: Weight[] = [];
  const total = [...linears.values()].reduce((sum, { weight }) => sum + elementsOf(weight.shape), 0);
  let done = 0;
  try {
    for (const [site, layer] of linears) {
      signal?.throwIfAborted();
      const { weight } = layer;
      if (!isTensor(weight)) kept.push({ site, reason: `stored as ${weight.format.name}` });
      else if (shared.has(weight)) kept.push({ site, reason: "it is the embedding table as well" });
      else if (isBlockDType(weight.dtype)) kept.push({ site, reason: `stored as ${weight.dtype}` });
      else {
        const matrix = { dtype: weight.dtype, shape: weight.shape, bytes: await weight.readBytes() };
        const packed = packWorthwhile(format, matrix);
        if (typeof packed === "string") kept.push({ site, reason: packed });
        else {
          const replacement = sparseWeight(device, format, packed, weight.shape);
          copies.push(replacement);
          sites.push(siteOf(site, matrix, weightBytes(replacement)));
          layer.weight = replacement;
          for (const [name, other] of weights) if (other === weight) weights.delete(name);
          weight.dispose();
        }
      }
      done += elementsOf(weight.shape);
      onProgress?.({ stage: "packing weights", done, total, unit: "elements" });
    }
  } catch (failure) {
    copies.forEach(disposeWeight);
    throw failure;
  }
  return { report: { format: format.name, sites, kept }, copies };
}

/** @throws UnsupportedOp if the device has no kernel for products with such weights. */
export function requireFormat(device: Device, { op }: SparseFormat): void {
  if (!device.supports(op)) throw new UnsupportedOp(op.name, device.name);
}

/** The parts of a matrix, or why it had better stay one. */
export function packWorthwhile(
  format: SparseFormat,
  matrix: HostPart,
  keptAs: KeptAs = "stored",
): Readonly<Record<string, HostPart>> | string {
  const misfit = format.misfit(matrix);
  if (misfit !== undefined) return misfit;
  const parts = packSparse(format, matrix, keptAs);
  const bytes = Object.values(parts).reduce((sum, part) => sum + part.bytes.length, 0);
  return bytes < matrix.bytes.length
    ? parts
    : `only ${(100 * shareOfZeros(matrix)).toFixed(1)} % of its elements are zero, so it would take ${bytes} bytes instead of ${matrix.bytes.length}`;
}

export function siteOf(site: string, matrix: HostPart, bytesAfter: number): SparseSite {
  return { site, shape: matrix.shape, zeros: shareOfZeros(matrix), bytesBefore: matrix.bytes.length, bytesAfter };
}
